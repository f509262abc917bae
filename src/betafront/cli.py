"""The command line: the names of the commands, their options and help. What a command does stands
in its file in `betafront.commands`, which is imported when it runs: so `--help` answers at once."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from betafront.api.process import quiet_libraries
from betafront.commands.options import Json, Overrides, Rate, Studies, Study, Trust, Within
from betafront.commands.weights.app import weights
from betafront.config.trust import trusting, typed_targets, without_trust
from betafront.encoding import write_what_can_be_shown
from betafront.ending import Interrupted, end, said_of
from betafront.errors import UserError
from betafront.own_modules import find_modules_in

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="How to weight the KL term of a VAE against the reconstruction, answered with evidence.",
)
app.add_typer(weights, name="weights")
HYDRA = {"allow_extra_args": True, "ignore_unknown_options": True}


def main(arguments: list[str] | None = None) -> None:
    """The console script. `betafront key=value …` and `betafront --multirun …`, as in any Hydra
    application, stand for `train` and `sweep`."""
    arguments = sys.argv[1:] if arguments is None else arguments
    as_json = "--json" in arguments
    try:
        quiet_libraries()
        write_what_can_be_shown()
        find_modules_in(Path.cwd())
        with trusting(typed_targets(arguments)):
            if arguments and (
                "=" in arguments[0] or arguments[0] in ("-m", "--multirun", "--cfg", "-c")
            ):
                hydra_application(without_trust(arguments))
            elif as_json:  # typer prints a wrong option as a text of its own
                sys.exit(app(args=arguments, prog_name="betafront", standalone_mode=False))
            else:
                app(args=arguments, prog_name="betafront")
    except UserError as error:
        end(str(error), 2, as_json)
    except Interrupted as error:
        end(str(error), 130, as_json)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        if os.environ.get("BETAFRONT_DEBUG"):
            raise
        end(*said_of(error), as_json)


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="Of the project: a folder, and a Python name.")],
) -> None:
    """Write a project of your own: data, model, study and test, to be changed piece by piece.

    betafront new mine

    cd mine && betafront sweep study=mine
    """
    from betafront.commands.new import new

    new(name)


@app.command(context_settings=HYDRA)
def forecast(
    overrides: Overrides = None,
    as_json: Json = False,
    picture: Annotated[
        Path | None, typer.Option(help="Draw front, spectrum and live latents into this file.")
    ] = None,
    trust: Trust = None,
) -> None:
    """Say what the data says about β, without training: where latents collapse, the front of a
    linear model, and the range of the weight worth searching.

    betafront forecast data=digits model.latents=8

    betafront forecast data=mnist data.binarize=0.5 likelihood=bernoulli normalisation=mean
    """
    from betafront.commands.forecast import forecast

    forecast(overrides or [], as_json, picture)


@app.command(context_settings=HYDRA)
def train(
    overrides: Overrides = None,
    trial: Annotated[
        int | None,
        typer.Option(
            help="Run this trial of a study again; a pruned one goes on, a failed one is tried."
        ),
    ] = None,
    study: Annotated[
        str | None, typer.Option(help="The study of --trial; the newest where left out.")
    ] = None,
    replicate: Annotated[int, typer.Option(help="Which run of the trial.")] = 0,
    trust: Trust = None,
) -> None:
    """Train one VAE and evaluate it in nats.

    betafront train data=digits normalisation=mean objective.weight=0.1

    betafront train --trial 7 --study weighting-digits
    """
    if trial is None:
        if study is not None:
            raise UserError("--study is for --trial N; a study is swept by `betafront sweep`")
        hydra_application(overrides or [])
        return
    if overrides:
        raise UserError(f"--trial runs a trial as it was: leave out {' '.join(overrides)}")
    from betafront.commands.rerun import rerun

    rerun(study, trial, replicate)


@app.command(context_settings=HYDRA)
def sweep(
    overrides: Overrides = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be swept; train one trial of it.")
    ] = False,
    detach: Annotated[
        bool, typer.Option("--detach", help="Hand the workers to the engine (Slurm), and end.")
    ] = False,
    trust: Trust = None,
) -> None:
    """Run a study, or go on with it: the same command resumes.

    Ctrl-C lets the running trials finish; Ctrl-C again stops now.

    betafront sweep study=weighting

    betafront sweep 'objective.weight=tag(log,interval(0.01,10))' study.budget.trials=20

    betafront sweep data=digits objective.weight=auto study.budget.trials=8

    betafront sweep --detach study=weighting hydra/launcher=slurm study.workers=16
    """
    if dry_run and detach:
        raise UserError("--dry-run launches no workers that could be detached: leave out one")
    how = ["hydra.sweeper.dry_run=true"] if dry_run else []
    how += ["hydra.sweeper.detach=true"] if detach else []
    hydra_application(["--multirun", *how, *(overrides or [])])


@app.command(context_settings=HYDRA)
def worker(
    overrides: Overrides = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait for the study, where nobody has begun it yet.")
    ] = False,
    trust: Trust = None,
) -> None:
    """Join a sweep that another process has begun, on this or any other machine, and share its
    budget.

    betafront worker weighting-digits

    betafront worker study=weighting
    """
    from betafront.commands.worker import arguments_to_join

    hydra_application(arguments_to_join(overrides or [], wait))


@app.command()
def status(
    study: Study = None,
    as_json: Json = False,
    follow: Annotated[
        bool, typer.Option("--follow", help="Show it as it goes, until the budget is met.")
    ] = False,
    rate: Rate = None,
    within: Within = None,
) -> None:
    """Show how far a study is, its front so far and what it advises."""
    from betafront.commands.status import status
    from betafront.front import Asked

    status(study, as_json, follow, Asked(rate, within))


@app.command(context_settings=HYDRA)
def confirm(
    study: Study = None,
    overrides: Overrides = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be trained; train nothing.")
    ] = False,
    as_json: Json = False,
    workers: Annotated[
        int | None, typer.Option(help="Processes; as many as the sweep had where left out.")
    ] = None,
    trust: Trust = None,
) -> None:
    """Put the decision of a study to the test: its picks beside half and double their β, with
    further seeds and up to four times the steps, for a third of the sweep's cost at most.

    The same command goes on where it was stopped.

    betafront confirm weighting-digits --dry-run

    betafront confirm weighting-digits
    """
    from betafront.commands.confirm import confirm, show_plan
    from betafront.study.lookup import study_and_overrides

    study, words = study_and_overrides(study, overrides or [])
    if dry_run:
        show_plan(study, workers, as_json)
        return
    with interruptible():
        confirm(study, words, workers, as_json)


@app.command(context_settings=HYDRA)
def evaluate(
    study: Study = None,
    overrides: Overrides = None,
    trial: Annotated[int | None, typer.Option(help="This trial only.")] = None,
    trust: Trust = None,
    to: Annotated[
        Path | None,
        typer.Option(help="Write the values into this CSV file, and leave the study as it is."),
    ] = None,
) -> None:
    """Measure a study's trained models by more metrics, without training them again.

    betafront evaluate weighting-digits metrics=probes

    betafront evaluate weighting-digits metrics=latent metrics.further.iwae.draws=[1,50,5000]
    """
    from betafront.commands.evaluate import evaluate
    from betafront.study.lookup import study_and_overrides

    study, words = study_and_overrides(study, overrides or [])
    evaluate(study, words, trial, to)


@app.command()
def compare(
    studies: Studies = None,
    by: Annotated[
        str | None,
        typer.Option(help="A searched parameter: the trials of each of its values are a group."),
    ] = None,
    as_json: Json = False,
    csv: Annotated[Path | None, typer.Option(help="Write all trials into this file.")] = None,
    png: Annotated[Path | None, typer.Option(help="Draw the fronts into this file.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write a page into this file.")] = None,
) -> None:
    """Put the fronts of studies side by side, or of groups within one.

    betafront compare weighting-digits schedules-digits --html fronts.html

    betafront compare weighting-digits --by normalisation
    """
    from betafront.commands.compare import compare

    compare(studies or [], by, as_json, csv, png, html)


@app.command()
def export(
    study: Study = None,
    at: Annotated[
        str,
        typer.Option(
            help="knee, elbo, the name of what is maximised, or trial=N; of model=multirate beta=B."
        ),
    ] = "elbo",
    to: Annotated[Path | None, typer.Option(help="The folder to write.")] = None,
    register: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Make it a version of this model in MLflow's registry."),
    ] = None,
    torch_export: Annotated[
        bool,
        typer.Option("--torch-export", help="Write encoder.pt2 and decoder.pt2 too."),
    ] = False,
    trust: Trust = None,
) -> None:
    """Write a point of the front as a folder: weights, configuration, and how to load it.

    betafront export weighting-digits --at knee --to mymodel

    betafront export weighting-digits --at knee --register digits

    betafront export onemodel --at beta=0.7 --to mymodel
    """
    from betafront.commands.export import export

    export(study, at, to, register, torch_export)


@app.command()
def report(
    studies: Studies = None,
    to: Annotated[
        Path | None, typer.Option(help="Write the page into this file, and nothing else.")
    ] = None,
    rate: Rate = None,
    within: Within = None,
) -> None:
    """Write a study's page, picture and table again; or one page of several studies.

    betafront report weighting-digits --rate 10

    betafront report weighting-digits schedules-digits --to both.html
    """
    from betafront.commands.report import report
    from betafront.front import Asked

    report(studies or [], to, Asked(rate, within))


@app.command()
def sync(study: Study = None) -> None:
    """Write a study to MLflow again, from its storage and run folders."""
    from betafront.commands.sync import sync

    sync(study)


@app.command()
def ui(
    study: Study = None,
    port: Annotated[
        int, typer.Option(help="On 127.0.0.1; the next free one if it is taken.")
    ] = 5000,
) -> None:
    """Open the record in the MLflow UI: starts its server on this machine and prints the links."""
    from betafront.commands.ui import ui

    ui(study, port)


def hydra_application(arguments: list[str]) -> None:
    """Hand over to Hydra."""
    if sys.stdout.isatty() and {"--multirun", "-m"} & set(arguments):
        from betafront.terminal import console

        # Somebody waits, and the imports take seconds. Elsewhere a refusal is one line.
        console().print("Reading the study and checking every branch of its space …", style="dim")
    with interruptible():
        from betafront.api.hydra_app import main as application

        application(arguments)


@contextmanager
def interruptible() -> Iterator[None]:
    """A context that Ctrl-C ends with a line; typer would end the program without a word."""
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted("interrupted; a sweep goes on by the same command") from None
