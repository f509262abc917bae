"""A study, for a program or a notebook."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
from rich.console import Console

from betafront import html
from betafront.api.decision import Decision, decision_of
from betafront.api.process import working
from betafront.config.trust import argument, of_kept, trusting
from betafront.errors import UserError
from betafront.files import can_write, check_target
from betafront.front import Asked
from betafront.front.decision import causes, names
from betafront.front.show.picture import front_figure, png_of
from betafront.front.show.plane import plane_figure
from betafront.front.show.standings import counted
from betafront.front.show.terminal import front_columns
from betafront.front.table import units
from betafront.study.display.report import PAGE, write_files, write_page_alone
from betafront.study.lookup import find_study
from betafront.study.results.read import Results, read
from betafront.study.trials.status import WORDS
from betafront.tracking import Reader

if TYPE_CHECKING:
    import optuna
    from plotly.graph_objects import Figure

    from betafront.study.spec import Spec
    from betafront.trained import Trained

WIDE = 10**6  # characters: a page in a browser has room for every column


class Study:
    """A study: what it found so far, read from its storage whenever something is asked.

    In a notebook it shows itself: the decision, the front as a table, and the planes.

    Args:
        study: Optuna's.
        spec: what the study is.
        trust: modules, functions and classes that its models may be made of.
    """

    def __init__(self, study: "optuna.Study", spec: "Spec", trust: Iterable[str] = ()) -> None:
        self._study = study
        self._spec = spec
        self._trust = [trust] if isinstance(trust, str) else list(trust)

    @property
    def name(self) -> str:
        """What it is called in every command."""
        return self._spec.name

    @property
    def folder(self) -> Path:
        """Where its runs and its report are."""
        return Path(self._spec.folder)

    @property
    def optuna(self) -> "optuna.Study":
        """The study as Optuna has it, for Optuna's own tools."""
        return self._study

    @property
    def trials(self) -> pd.DataFrame:
        """A row per finished trial: its parameters, its canonical β, its metrics in nats per
        example, how it stands (`betafront.front.table.trials_table`)."""
        return self.results().table

    @property
    def runs(self) -> pd.DataFrame:
        """A row per run of the finished trials, where they have several replicates."""
        return self.results().runs

    @property
    def front(self) -> pd.DataFrame:
        """The rows of `trials` that no other dominates, in order of the first objective."""
        return self.results().front

    @property
    def decision(self) -> Decision:
        """Which β, how sure that is, and what else there is to choose."""
        return self.decide()

    def decide(self, rate: float | None = None, within: float | None = None) -> Decision:
        """The decision, with further points.

        Args:
            rate: name the trial with the least distortion at so many nats of rate, too.
            within: percent of what rate buys that may be given up for what is maximised.

        Raises:
            UserError: the study cannot answer that.
        """
        return decision_of(self.results(), Asked(rate, within))

    @property
    def counts(self) -> dict[str, int]:
        """How many trials are complete, running, failed, and so on."""
        return dict(self.results().facts.counts)

    def plot(self) -> "Figure":
        """The plane of the first two objectives with the front and the decision, as plotly's
        figure. It has a row's settings under the pointer, and `write_html`.

        Raises:
            UserError: no trial has finished.
        """
        found = self._with_trials()
        points = decision_of(found).points
        return plane_figure(found.table, found.facts, points)

    def model(self, trial: int | str = "elbo") -> "Trained":
        """The trained model of a trial, to encode, decode, sample and reconstruct.

        Args:
            trial: its number, or a named point: `"elbo"`, `"knee"`; of a family `"beta=0.7"`.

        Raises:
            UserError: there is no such trial, or the files of its run are gone.
        """
        from betafront.api.export import trained_model  # with torch

        with working(), trusting(self._trust):
            return trained_model(self.results(), trial, replace(of_kept(), ways=in_a_study))

    def export(
        self, at: int | str = "elbo", to: str | Path | None = None, torch_export: bool = False
    ) -> Path:
        """Write the model of a trial into a folder, for `betafront.load`.

        Args:
            at: the number of the trial, or a named point: `"elbo"`, `"knee"`; of a family
                `"beta=0.7"`.
            to: the folder; None is one below the study's.
            torch_export: write the encoder and the decoder as programs of `torch.export` too.

        Raises:
            UserError: there is no such trial, or the files of its run are gone.
        """
        from betafront.api.export import export  # with torch

        where = None if to is None else Path(to)
        with working(), trusting(self._trust):
            wall = replace(of_kept(), ways=in_a_study)
            return export(self.results(), at, where, torch_export, wall).folder

    def report(self, to: str | Path | None = None) -> Path:
        """Write the page of the study, which opens without a network, and say where it is.

        Args:
            to: the file; None writes the page, the picture and the table into the study's folder.

        Raises:
            UserError: no trial has finished, or it cannot be written.
        """
        self._with_trials()
        if to is not None:
            check_target(Path(to))
            write_page_alone(self._study, self._spec, Reader(), Path(to))
            return Path(to).absolute()
        if not can_write(self.folder):
            raise UserError(f"{self.folder} cannot be written: name a file, report('page.html')")
        write_files(self._study, self._spec, Reader(), Console(file=StringIO()))
        return self.folder / "report" / PAGE

    def results(self) -> Results:
        """The study as it stands now, read once."""
        return read(self._study, self._spec)

    def _with_trials(self) -> Results:
        found = self.results()
        if found.table.empty:
            raise UserError(f"no trial of {self.name} has finished: there is nothing to show")
        return found

    def __repr__(self) -> str:
        counts = self.counts
        words = [word for word, n in counts.items() if n or word in WORDS]
        said = ", ".join(f"{counts[word]} {word}" for word in words)
        return f"Study({self.name!r}: {said}; budget {self._spec.trials})"

    def _repr_html_(self) -> str:
        found = self.results()
        if found.table.empty:
            return html.paragraphs(repr(self), "No trial has a result: there is no front yet.")
        decision = decision_of(found)
        columns, words = front_columns(
            found.front, found.facts.parameters, found.facts.others, WIDE, names(decision.points)
        )
        rows = list(zip(*columns.values(), strict=True))
        left = [place for place, name in enumerate(columns) if name in words]
        caption = f"Front of {self.name}; {units(found.front)}"
        picture = html.picture(png_of(front_figure(found.table, found.facts)), "the front")
        return (
            html.paragraphs(repr(self), counted(found.runs), *causes(found.table).values())
            + decision._repr_html_()
            + html.table(list(columns), rows, caption, left)
            + picture
        )


def in_a_study(names: Sequence[str]) -> str:
    """How names are trusted of which a study's models are made."""
    return f"betafront.study(…{argument(names)})"


def study(name: str | None = None, trust: str | Iterable[str] = ()) -> Study:
    """Open a study.

    >>> import betafront
    >>> tiny = betafront.study("tiny")
    >>> tiny
    Study('tiny': 4 complete, 0 failed, 0 running, 0 lost; budget 4)
    >>> list(tiny.trials["trial"]), tiny.optuna.study_name
    ([0, 1, 2, 3], 'tiny')
    >>> bool(tiny.decision), tiny.model(2).sample(5, seed=0).shape
    (False, torch.Size([5, 1, 8, 8]))
    >>> tiny.plot().data[-1].name
    'trials'

    Args:
        name: of the study; None for the newest.
        trust: modules, and functions or classes, of which its models may be made, beside what
            `conf/` names here (`docs/trust.md`).

    Raises:
        UserError: there is no such study.
    """
    return Study(*find_study(name), trust)
