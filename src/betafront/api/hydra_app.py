"""The Hydra application: `python -m betafront data=mnist` trains, with `--multirun` it sweeps."""

import os
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hydra
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from betafront.addresses import RUNS, masked, runs_folder
from betafront.api.objects import with_objects
from betafront.config.complete import OF_ONE_CHOICE
from betafront.config.compose import NAME, VERSION_BASE, keys_near
from betafront.config.explain import explain, is_of_composition
from betafront.config.overrides import refuse_lists, refuse_options
from betafront.errors import UserError, os_error
from betafront.own_modules import cause, users_place
from betafront.shipped import conf_dir
from betafront.terminal import command_line, console
from betafront.training.failure import Diverged
from betafront.training.folder import RunFolder
from betafront.training.result import Result

if TYPE_CHECKING:
    from betafront.training.run import Run

SHOWING = ("--cfg", "-c", "--info", "-i")  # options that show the configuration, and run nothing
MULTIRUN = ("--multirun", "-m")


class Stop(BaseException):
    """Carries an error of a single run past Hydra, which would print it in its own way."""


def train_composed(
    config: DictConfig, folder: Path, words: Sequence[str], given: Mapping[str, Any] = {}
) -> tuple["Run", Result]:
    """Train the run that `config` describes, with a progress bar, and print its result.

    Args:
        config: composed.
        folder: for its files.
        words: of which it was composed.
        given: objects of a program, in place of the parts that `config` names.

    Raises:
        UserError: a part cannot be made, the folder holds a finished run, or another process trains
            there.
        Diverged: the loss or a final value became NaN or infinite.
    """
    from betafront.api.watched import train_and_show  # with torch, once all is composed
    from betafront.config.begun import build_to_train
    from betafront.config.build import check
    from betafront.config.saved import save
    from betafront.training.recipe.trainer import epochs_in_words

    refuse_finished(folder)
    made = with_objects(build_to_train(config), given) if given else build_to_train(config)
    check(made)
    with alone_in(folder):
        if (epochs := config.trainer.get("epochs")) is not None:
            console().print(epochs_in_words(epochs, made.trainer.steps))
        if not given:  # what a program has made, no configuration can say
            save(config, folder)
        return made, train_and_show(made, folder, words)


def refuse_finished(folder: Path) -> None:
    """Refuse to train where a finished run is.

    Raises:
        UserError: the folder holds one.
    """
    if RunFolder(folder).has_result:
        raise UserError(f"{folder} holds a finished run: choose another folder, or remove it")


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Have the folder of a run for this process alone, while it trains there.

    Raises:
        UserError: another process trains there, or has done so meanwhile.
    """
    from filelock import FileLock, Timeout

    try:
        with FileLock(RunFolder(folder).lock, timeout=0):
            refuse_finished(folder)
            yield
    except Timeout:
        raise UserError(
            f"another process is training a run in {folder}: choose another folder "
            "(hydra.run.dir=FOLDER, from Python folder=…)"
        ) from None


def run(config: DictConfig) -> Result:
    """Hydra's task function: train the run that `config` describes in the folder Hydra gave it. A
    sweep does without it: its workers train what they claim."""
    settings = HydraConfig.get()
    folder = Path(settings.runtime.output_dir)
    try:
        return train_composed(config, folder, settings.overrides.task)[1]
    except (UserError, Diverged, OSError) as error:
        raise Stop from error
    except Exception as error:
        if os.environ.get("BETAFRONT_DEBUG") or not users_place(error):
            raise
        raise Stop from UserError(f"{cause(error)} (BETAFRONT_DEBUG=1 shows the calls)")
    except KeyboardInterrupt:
        if RunFolder(folder).has_checkpoint:
            words = [*settings.overrides.task, f"hydra.run.dir={folder}"]
            print(f"\ngo on with: {command_line('train', options=words)}", file=sys.stderr)
        raise


def run_composed_once(words: Sequence[str], multirun: bool) -> None:
    """As Hydra's application. That composes first to see which mode the configuration asks for, and
    then again for the mode that it was given; here the command says which, whatever `hydra.mode` a
    configuration has."""
    here = GlobalHydra.instance()
    before = here.hydra  # of a program that has initialised Hydra itself
    here.clear()
    job = Path(__file__).stem  # as the application calls it
    try:
        with hydra.initialize_config_dir(str(conf_dir()), job, **VERSION_BASE):
            application = here.hydra
            assert application is not None
            mode = "MULTIRUN" if multirun else "RUN"
            start = application.multirun if multirun else application.run
            start(NAME, run, [*words, f"hydra.mode={mode}"])
    finally:
        here.hydra = before


def checked_words(words: Sequence[str]) -> list[str]:
    """The words of a command, once they are seen to be words of Hydra's.

    Raises:
        UserError: one is an option that Hydra does not have, or a list where one choice is due.
    """
    refuse_options(words)
    refuse_lists(words, OF_ONE_CHOICE)
    return list(words)


def main(arguments: list[str]) -> None:
    """Run the application with these arguments, as if they stood on the command line.

    Raises:
        UserError: the configuration does not compose, or what it asks for cannot be done.
    """
    checked_words(arguments)
    # Relative to where the command was given, and the same in every worker.
    os.environ[RUNS] = str(runs_folder())
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")  # leaves errors to us
    # Of conf/hydra/launcher/ray.yaml, which fits the schema that the launcher has under that name.
    warnings.filterwarnings("ignore", r"\s*'hydra/launcher/ray' is validated", UserWarning)
    application = hydra.main(config_path=str(conf_dir()), config_name=NAME, **VERSION_BASE)(run)
    words = [word for word in arguments if word not in MULTIRUN]
    if any(word.partition("=")[0] in SHOWING for word in arguments):
        arguments = words  # Hydra does it of one run alone
    elif not any(map(_is_of_hydras_own, words)):
        application = partial(run_composed_once, words, len(words) < len(arguments))
    before = sys.argv
    sys.argv = ["betafront", *arguments]
    try:
        application()
    except Stop as stop:
        raise UserError(_line(stop.__cause__, arguments)) from stop
    except Exception as error:
        if isinstance(error, UserError) or not (
            isinstance(error, OSError) or is_of_composition(error)
        ):
            raise
        raise UserError(_line(error, arguments)) from error
    finally:
        sys.argv = before


def _is_of_hydras_own(word: str) -> bool:
    """Whether a word is an option, or sets the mode in which Hydra runs."""
    return word.startswith("-") or "hydra.mode" in word


def _line(error: BaseException | None, arguments: list[str]) -> str:
    line = _of(error, arguments)
    for word in arguments:  # an override that Hydra cannot read stands in its message
        line = line.replace(word, masked(word))
    return line


def _of(error: BaseException | None, arguments: list[str]) -> str:
    if isinstance(error, Diverged):
        return error.format_message()
    if error is not None and is_of_composition(error):  # as Hydra's, an OSError, for a missing file
        return explain(error, lambda: keys_near(arguments), arguments)
    if isinstance(error, OSError):
        return cause(error) if users_place(error) else os_error(error)
    return str(error)
