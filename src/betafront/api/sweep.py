"""`betafront.sweep`: a study run, or gone on with."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from betafront.api.process import working
from betafront.api.study import Study
from betafront.api.words import words_of
from betafront.study.lookup import find_study


def sweep(
    study: str | None = None,
    overrides: Sequence[str] = (),
    *,
    name: str | None = None,
    space: Mapping[str, Any] | None = None,
    trials: int | None = None,
    workers: int | None = None,
    trust: str | Iterable[str] = (),
    quiet: bool = False,
    **choices: Any,
) -> Study:
    """Run a study, or go on with it, as `betafront sweep` does: the same call resumes.

    >>> import betafront
    >>> tiny = betafront.sweep(
    ...     name="tiny", trials=4, data="digits", model={"hidden": [16]},
    ...     space={"objective.weight": (0.5, 4), "normalisation": ("sum", "mean")},
    ...     overrides=["study.sampler=grid", "trainer.steps=20", "trainer.accelerator=cpu",
    ...         "hydra/launcher=basic", "tracking=off"], quiet=True,
    ... )
    >>> len(tiny.trials), sorted(set(tiny.trials["normalisation"]))
    (4, ['mean', 'sum'])

    Trials are trained in processes of their own, so what is given must have a name by which those
    can import it: functions and classes of a module beside the program, or installed. Arrays are
    written into a file that they read.

    Args:
        study: the question, a folder of `studies/`, such as `"weighting"`; None where `space` says
            what is searched.
        overrides: choices, settings and searches as on the command line.
        name: of the study; None for the name that the question gives it.
        space: what is searched, by key: a tuple of choices, or a text in Hydra's grammar, as
            `"tag(log,interval(0.01,10))"`, or `"auto"` of the weight: where `betafront.forecast`
            says that it is worth it.
        trials: the budget.
        workers: processes that share it.
        trust: modules, and functions of libraries, that may be named (`docs/trust.md`).
        quiet: print nothing.
        choices: as in `betafront.train`.

    Raises:
        UserError: something was wrong, or the budget was not met.
        KeyboardInterrupt: it was interrupted; trials that ran were finished before.
    """
    from betafront.api.hydra_app import checked_words, main
    from betafront.config.compose import multirun_config
    from betafront.config.trust import named_by, trusting

    settings = {"study": study, "study.budget.trials": trials, "study.workers": workers}
    given = {key: value for key, value in settings.items() if value is not None}
    called = [] if name is None else words_of({"study.name": name})
    words = checked_words([*words_of(given), *called, *words_of({**choices, **(space or {})})])
    words += checked_words(overrides)
    named = named_by(trust, words)
    with working(quiet), trusting(named):
        made = str(multirun_config(words).study.name)
        with suppress(SystemExit):  # some trials have failed: the study says which
            main(["--multirun", *words])
        return Study(*find_study(made), named)
