"""The commands. Heavy imports happen inside them, so that `--help` answers at once."""

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from betafront.commands.weights import Json, print_json, weights
from betafront.errors import UserError, one_line

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="How to weight the KL term of a VAE against the reconstruction, answered with evidence.",
)
app.add_typer(weights, name="weights")
HYDRA = {"allow_extra_args": True, "ignore_unknown_options": True}
Overrides = Annotated[
    list[str] | None,
    typer.Argument(help="Choices and settings, as in data=mnist objective.weight=4"),
]
Studies = Annotated[
    list[str] | None, typer.Argument(help="The studies; the newest where left out.")
]
Rate = Annotated[
    float | None,
    typer.Option(help="Name the trial with the least distortion at so many nats of rate."),
]
Within = Annotated[
    float | None,
    typer.Option(
        help="Percent of what rate buys that may be given up for what is maximised; else 10."
    ),
]
Study = Annotated[str | None, typer.Argument(help="The study; the newest where left out.")]


def main(arguments: list[str] | None = None) -> None:
    """The console script. `betafront key=value …` and `betafront --multirun …`, as in any Hydra
    application, stand for `train` and `sweep`."""
    arguments = sys.argv[1:] if arguments is None else arguments
    quiet_libraries()
    try:
        if arguments and (
            "=" in arguments[0] or arguments[0] in ("-m", "--multirun", "--cfg", "-c")
        ):
            hydra_application(arguments)
        else:
            app(args=arguments, prog_name="betafront")
    except UserError as error:
        print(f"betafront: {error}", file=sys.stderr)
        sys.exit(2)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        if os.environ.get("BETAFRONT_DEBUG"):
            raise
        line = one_line(error)[:300]
        print(
            f"betafront: unexpected {type(error).__name__}: {line} (BETAFRONT_DEBUG=1 shows where)",
            file=sys.stderr,
        )
        sys.exit(1)


@app.command(context_settings=HYDRA)
def train(
    overrides: Overrides = None,
    trial: Annotated[
        int | None, typer.Option(help="Run this trial of a study again, and compare.")
    ] = None,
    study: Annotated[
        str | None, typer.Option(help="The study of --trial; the newest where left out.")
    ] = None,
    replicate: Annotated[int, typer.Option(help="Which run of the trial.")] = 0,
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

    rerun(*find_study(study), trial, replicate)


@app.command(context_settings=HYDRA)
def sweep(
    overrides: Overrides = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be swept; train one trial of it.")
    ] = False,
    detach: Annotated[
        bool, typer.Option("--detach", help="Hand the workers to the engine (Slurm), and end.")
    ] = False,
) -> None:
    """Run a study, or go on with it: the same command resumes.

    Ctrl-C lets the running trials finish; Ctrl-C again stops now.

    betafront sweep study=weighting

    betafront sweep 'objective.weight=tag(log,interval(0.01,10))' study.budget.trials=20

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
) -> None:
    """Join a sweep that another process has begun, on this or any other machine, and share its
    budget.

    betafront worker weighting-digits

    betafront worker study=weighting
    """
    words = list(overrides or [])
    if wait:
        from betafront.study.worker.waiting import wait_for

        if not words or "=" in words[0]:
            raise UserError("--wait needs the name of the study: betafront worker NAME --wait")
        wait_for(words[0], runs_folder())
    if not words or "=" not in words[0]:
        _, spec = find_study(words.pop(0) if words else None)
        words = [*spec.command, *words]
    of_launcher = ("hydra/launcher=", "hydra.launcher.")
    words = [word for word in words if not word.lstrip("+~").startswith(of_launcher)]
    hydra_application(["--multirun", "hydra.sweeper.join=true", "hydra/launcher=basic", *words])


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
    from betafront.front import Asked, decision_record, front, print_study
    from betafront.study.results.additions import additions
    from betafront.study.results.table import facts, failures, runs_table, table
    from betafront.terminal import console, print_next

    found, spec = find_study(study)
    if follow:
        from betafront.study.display.watch import follow as watch

        watch(found, spec, console())
        spec = spec.load(found, spec.folder)
    trials = found.get_trials(deepcopy=False)
    rows, known = table(trials, additions(found.user_attrs)), facts(spec, trials)
    runs, asked = runs_table(trials), Asked(rate, within)
    if as_json:
        members = front(rows, spec.objectives)
        print_json(
            {
                "study": spec.name,
                "budget": spec.trials,
                **known.counts,
                "failures": failures(trials),
                "front": [] if members.empty else [int(n) for n in members["trial"]],
                **decision_record(rows, known, runs, asked),
                "folder": spec.folder,
                "command": known.command,
            }
        )
        return
    out = console()
    counts = ", ".join(f"{n} {state}" for state, n in known.counts.items())
    out.print(f"[bold]{spec.name}[/]: {counts}; budget {spec.trials}")
    print_study(rows, known, out, runs, asked)
    ways = [("page", f"betafront report {spec.name}"), ("in MLflow", f"betafront ui {spec.name}")]
    print_next([*(ways if len(rows) else []), ("go on with", known.command)], out)


@app.command(context_settings=HYDRA)
def evaluate(
    study: Study = None,
    overrides: Overrides = None,
    trial: Annotated[int | None, typer.Option(help="This trial only.")] = None,
) -> None:
    """Measure a study's trained models by more metrics, without training them again.

    betafront evaluate weighting-digits metrics=probes

    betafront evaluate weighting-digits metrics=latent metrics.further.iwae.draws=[1,50,5000]
    """
    from betafront.commands.evaluate import evaluate_study

    words = list(overrides or [])
    if study is not None and "=" in study:
        words, study = [study, *words], None
    evaluate_study(*find_store(study), words, trial)


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
    from betafront.commands.compare import as_json as as_json_of
    from betafront.commands.compare import check_target, compare_studies, show

    names: list[str | None] = [*studies] if studies else [None]
    found = [find_study(name) for name in names]
    if as_json and any((csv, png, html)):
        raise UserError("--json prints the comparison alone: leave out --csv, --png and --html")
    for path in filter(None, (csv, png, html)):
        check_target(path)
    compared = compare_studies(found, by)
    if as_json:
        print_json(as_json_of(compared.found))
        return
    show(compared, csv, png, None if html is None else (found, html))


@app.command()
def export(
    study: Study = None,
    at: Annotated[
        str, typer.Option(help="knee, elbo, the name of what is maximised, or trial=N.")
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
) -> None:
    """Write a point of the front as a folder: weights, configuration, and how to load it.

    betafront export weighting-digits --at knee --to mymodel

    betafront export weighting-digits --at knee --register digits
    """
    from betafront.commands.export import export as write

    write(*find_study(study), at, to, register, torch_export)


@app.command()
def report(
    studies: Studies = None,
    to: Annotated[Path | None, typer.Option(help="The page of several studies.")] = None,
    rate: Rate = None,
    within: Within = None,
) -> None:
    """Write a study's page, picture and table again; or one page of several studies.

    betafront report weighting-digits --rate 10

    betafront report weighting-digits schedules-digits --to both.html
    """
    from betafront.front import Asked
    from betafront.study.display.report import report as write
    from betafront.terminal import console
    from betafront.tracking import Reader

    asked = Asked(rate, within)
    if len(studies or []) > 1:
        if asked != Asked():
            raise UserError("--rate and --within are for the report of one study")
        compare(studies, html=to or Path("report.html"))
        return
    if to is not None:
        raise UserError("--to is for a page of several studies: one has its page in its folder")
    found, spec = find_study(studies[0] if studies else None)
    write(found, spec, Reader(), console(), asked)


@app.command()
def sync(study: Study = None) -> None:
    """Write a study to MLflow again, from its storage and run folders."""
    from betafront.terminal import console
    from betafront.tracking import sync as write

    found, spec = find_study(study)
    console().print(write(found, spec), soft_wrap=True)


@app.command()
def ui(
    study: Study = None,
    port: Annotated[
        int, typer.Option(help="On 127.0.0.1; the next free one if it is taken.")
    ] = 5000,
) -> None:
    """Open the record in the MLflow UI: starts its server on this machine and prints the links."""
    from betafront.tracking import serve

    found, spec = find_study(study)
    serve(found, spec, port)


def hydra_application(arguments: list[str]) -> None:
    """Hand over to Hydra."""
    try:
        from betafront.commands.hydra_app import main as application

        application(arguments)
    except KeyboardInterrupt:  # here, since typer would end the program without a word
        print("betafront: interrupted; a sweep goes on by the same command", file=sys.stderr)
        sys.exit(130)


def find_study(name: str | None) -> tuple[Any, Any]:
    """A study, with its specification: in the storage that BETAFRONT_STORAGE names, where it is
    set, and then in the file below the runs folder. Without a name the newest of the first of the
    two that has any.

    Raises:
        UserError: there is none of that name, or none at all.
    """
    from betafront.study.spec import Spec
    from betafront.study.storage.opening import find

    runs = runs_folder()
    study = find(name, runs)
    return study, Spec.load(study, runs / study.study_name)


def find_store(name: str | None) -> tuple[Any, Any]:
    """As `find_study`, to be written."""
    from betafront.study.spec import Spec
    from betafront.study.storage.opening import find_storage
    from betafront.study.storage.study_store import Store

    runs = runs_folder()
    store = Store(*find_storage(name, runs))
    return store, Spec.load(store.study, runs / store.study.study_name)


def runs_folder() -> Path:
    """Where the runs are."""
    return Path(os.environ.get("BETAFRONT_RUNS", "runs")).absolute()


def quiet_libraries() -> None:
    """Settings of libraries that must stand in the environment before they are imported, also in
    worker processes: no telemetry (MLflow's is on by default), no advice in place of results."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("DO_NOT_TRACK", "true")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
