"""`betafront.confirm`: the decision of a study, put to the test with more seeds and more steps."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from betafront import html
from betafront.api.process import working
from betafront.api.study import Study
from betafront.api.words import words_of
from betafront.config.trust import named_by, trusting
from betafront.errors import UserError
from betafront.front import decide
from betafront.front.decision.confirmation.confirmed import (
    confirmation_lines,
    confirmation_record,
    is_confirmed,
)
from betafront.study.confirm.of_study import is_over, plan_of
from betafront.study.confirm.show import print_confirmation
from betafront.study.lookup import find_study, storage_of
from betafront.study.results.confirmation import confirmation
from betafront.study.results.read import read
from betafront.study.stored.command import stored_command
from betafront.terminal import console

if TYPE_CHECKING:
    from optuna import Study as OptunaStudy

    from betafront.study.spec import Spec


@dataclass(frozen=True)
class Confirmed:
    """What the runs with further seeds and more steps said of a decision.

    Attributes:
        study: the name of the study.
        stands: whether they confirmed the decision as it is now; so does the object itself.
        lines: what they said, a sentence each.
        outdated: why that says nothing of the study as it is now; empty where it does.
        record: all of it as plain values, what `betafront confirm --json` prints.
    """

    study: str
    stands: bool
    lines: Sequence[str]
    outdated: str = field(repr=False)
    record: dict[str, Any] = field(repr=False)

    def __bool__(self) -> bool:
        return self.stands

    def __repr__(self) -> str:
        return "\n".join(self.lines)

    def _repr_html_(self) -> str:
        return html.paragraphs(*self.lines)


def confirm(
    study: str | Study | None = None,
    overrides: Sequence[str] = (),
    *,
    workers: int | None = None,
    trust: str | Iterable[str] = (),
    quiet: bool = False,
    **choices: Any,
) -> Confirmed:
    """Put the decision of a study to the test, as `betafront confirm` does: its picks beside half
    and double their β, with further seeds and up to four times the steps, for a third of the
    sweep's cost at most. The same call goes on where it was stopped, and trains nothing where all
    was.

    >>> import betafront
    >>> betafront.confirm("tiny")
    Traceback (most recent call last):
    ...
    betafront.errors.UserError: tiny has nothing to confirm. No decision: the study has 4...

    Args:
        study: its name; None for the newest.
        overrides: joined to those of the sweep, as on the command line.
        workers: processes; None for as many as the sweep had.
        trust: modules, and functions of libraries, that may be named (`docs/trust.md`).
        quiet: print nothing.
        choices: joined to those of the sweep, too, as in `betafront.train`.

    Raises:
        UserError: there is no such study, no decision that can be tested, or the stored command of
            the study asks for what is not trusted.
        KeyboardInterrupt: it was interrupted.
    """
    name = study.name if isinstance(study, Study) else study
    words = [*words_of(choices), *overrides]
    named = named_by(trust, words)
    with working(quiet), trusting(named):
        return confirm_study(name, words, workers)


def confirm_study(name: str | None, words: Sequence[str], workers: int | None) -> Confirmed:
    """Train the runs that are missing, print what they say, and return it; arguments as in
    `confirm`.

    Raises:
        UserError: as there.
    """
    from betafront.api.hydra_app import main

    refuse_workers(workers)
    study, spec = find_study(name)
    trials, found = study.get_trials(deepcopy=False), confirmation(study.user_attrs)
    over = is_over(plan_of(spec, trials, study.user_attrs), trials)
    if over and found is not None and not confirmed(study, spec).outdated:
        print_confirmation(spec, found, trials, console())
    else:
        hands = [] if workers is None else [f"study.workers={workers}"]
        stored = stored_command(spec.command, spec.name, words, storage_of(spec.name))
        main(["--multirun", "hydra.sweeper.confirm=true", *stored, *hands, *words])
    return confirmed(*find_study(spec.name))


def refuse_workers(workers: int | None) -> None:
    """Refuse what is no number of processes.

    Raises:
        UserError: naming it.
    """
    if workers is not None and workers < 1:
        raise UserError(f"workers must be at least 1, not {workers}")


def confirmed(study: "OptunaStudy", spec: "Spec") -> Confirmed:
    """What a study keeps of the confirmation of its decision."""
    found = read(study, spec)
    kept, rows = found.facts.confirmation, found.table
    advice = decide(rows, found.facts, found.runs)
    return Confirmed(
        study=spec.name,
        stands=is_confirmed(kept, rows, advice),
        lines=confirmation_lines(kept, rows, advice),
        outdated=kept.outdated(rows, advice) if kept else "",
        record={"study": spec.name, **confirmation_record(kept, rows, advice)},
    )
