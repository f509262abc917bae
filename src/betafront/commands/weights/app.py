"""The `weights` commands. Heavy imports happen inside them, so that `--help` answers at once."""

from typing import Annotated

import typer

from betafront.commands.options import Json

weights = typer.Typer(
    invoke_without_command=True,
    no_args_is_help=False,
    rich_markup_mode="rich",
    help="Translate a KL weight to every other convention, or find out what a loss computes.",
)


@weights.callback()
def translate(
    context: typer.Context,
    pixels: Annotated[int | None, typer.Option(help="N: channels x height x width.")] = None,
    shape: Annotated[
        str | None, typer.Option(help="The images' shape in place of N, as in 3x64x64.")
    ] = None,
    latents: Annotated[int | None, typer.Option(help="M: latent dimensions.")] = None,
    weight: Annotated[float | None, typer.Option(help="The number in front of the KL.")] = None,
    normalisation: Annotated[
        str | None,
        typer.Option(
            help="How it is written: sum, mean, pixel_mean or beta_norm.", show_default="sum"
        ),
    ] = None,
    squared_error: Annotated[
        str | None,
        typer.Option(
            help="The reconstruction term is a squared error: full (SSE) or half (½·SSE).",
            show_default="none: a log-likelihood",
        ),
    ] = None,
    coefficient: Annotated[
        float | None,
        typer.Option(help="A number in front of the reconstruction term.", show_default="1"),
    ] = None,
    sigma: Annotated[
        float | None, typer.Option(help="σ of the squared error's Gaussian.", show_default="1")
    ] = None,
    precision: Annotated[float | None, typer.Option(help="1/σ², in place of σ.")] = None,
    project: Annotated[
        str | None,
        typer.Option(help="Start from a project's defaults (`betafront weights projects`)."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Translate a KL weight from one convention to every other.

    betafront weights --shape 1x28x28 --latents 20 --normalisation mean --weight 0.1

    betafront weights --project pytorch-vae
    """
    if context.invoked_subcommand is not None:
        return
    from betafront.api.weights import weights as translated_weight
    from betafront.commands.weights.tables import print_weights
    from betafront.terminal import print_json
    from betafront.weights.translate import parse_shape

    translated = translated_weight(
        weight,
        shape=None if shape is None else parse_shape(shape),
        pixels=pixels,
        latents=latents,
        normalisation=normalisation,
        squared_error=squared_error,
        coefficient=coefficient,
        sigma=sigma,
        precision=precision,
        project=project,
    )
    if as_json:
        print_json(translated)
    else:
        print_weights(translated)


@weights.command()
def audit(
    loss: Annotated[str, typer.Argument(help="module:function, or file.py:function.")],
    shape: Annotated[
        str,
        typer.Option(
            help="Of the reconstruction: channels x height x width, values, or positions x classes."
        ),
    ] = "1x28x28",
    latents: Annotated[
        str,
        typer.Option(help="M, latent dimensions, or the shape of spatial ones, as in 4x8x8."),
    ] = "10",
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="A further argument, as in kld_weight=0.00025; repeatable."),
    ] = None,
    order: Annotated[
        str | None,
        typer.Option(
            help="Of the arguments, as in reconstruction,x,mu,log_var; also mask, lengths, "
            "dispersion, dropout and posterior."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Find out which β a loss function really has, by probing it.

    betafront weights audit losses:vae_loss --shape 3x64x64 --latents 128 --set kld_weight=0.00025

    Exit status: 0 where β, or the β·σ² of a squared error, is told and there is nothing to warn
    of; 1 where there is a warning or something cannot be told; 2 where the function cannot be
    called.
    """
    from betafront.api.audit import audit as examine
    from betafront.commands.weights.tables import print_verdict
    from betafront.terminal import print_json
    from betafront.weights import load
    from betafront.weights.translate import parse_shape

    verdict = examine(
        loss,
        parse_shape(shape),
        parse_shape(latents, "--latents", "like 128, or 4x8x8 (latents must be at least 1)"),
        load.settings(settings or []),
        None if order is None else [role.strip() for role in order.split(",")],
    )
    if as_json:
        print_json(verdict.to_json())
    else:
        print_verdict(verdict)
    if not verdict.clean:
        raise typer.Exit(1)


@weights.command()
def projects(
    markdown: Annotated[bool, typer.Option("--markdown", help="Print it for a page.")] = False,
    as_json: Json = False,
) -> None:
    """Audit the losses of well-known projects with their default weights."""
    from betafront.commands.weights.tables import markdown_table, print_projects
    from betafront.terminal import print_json
    from betafront.weights.translate import audited_projects

    rows = audited_projects()
    if as_json:
        print_json(rows)
    elif markdown:
        print(markdown_table(rows))
    else:
        print_projects(rows)
