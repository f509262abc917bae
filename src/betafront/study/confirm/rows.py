"""What the runs that confirm a decision say, as rows that a verdict is read from."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from betafront.front.decision.confirmation.levels import Tested
from betafront.front.table import DISTORTION, RATE
from betafront.study.confirm.picks import Picked
from betafront.study.confirm.plan import TIMES
from betafront.study.trials.origin import Confirms, origin
from betafront.study.trials.replicates import Record, record_of
from betafront.study.trials.status import Status, reason, status
from betafront.training.history import (
    STEP,
    TRAIN_BETA,
    VAL_DISTORTION,
    VAL_RATE,
    Row,
    read_history,
    validated,
)
from betafront.training.standing import OVERFITTED, UNKNOWN, Standing

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

NEAR = 0.75  # of some number of steps, at which the last row before may stand at the earliest
SAME = 1e-5  # relative, of two β


def rows_of(
    pick: Picked, planned: Sequence[Confirms], trials: "Sequence[FrozenTrial]", folder: Path,
    steps: int,
) -> list[Tested]:  # fmt: skip
    """The rows of one pick: each run after all of its steps, and after fewer as far as its
    validated history can say.

    Args:
        pick: whose runs and neighbours are looked at.
        planned: the runs that are to confirm the decision.
        trials: all of the study.
        folder: of the study.
        steps: of a run of the picked trial.
    """
    rows = []
    for trial in trials:
        run = origin(trial).confirms
        wanted = run is not None and run in planned and run.trial == pick.trial
        if run and wanted and status(trial) is Status.CONFIRMS:
            rows += _of_run(pick, run, record_of(trial), folder, steps)
    return rows


def _of_run(pick: Picked, run: Confirms, record: Record, folder: Path, steps: int) -> list[Tested]:
    beta, standing = run.factor * pick.beta, record.standing
    falling = 0.0
    if standing and standing.falling is not None:
        error = standing.falling_error or 0.0
        falling = standing.falling if standing.falling > error else 0.0
    state = standing.state if standing else UNKNOWN
    value = record.metrics[DISTORTION] + pick.slope * record.metrics[RATE]
    rows = [Tested(beta, run.seed, run.times * steps, value, state, falling)]
    kept_best = standing is not None and standing.kept == "best"
    history = read_history(folder / record.folder) if run.times > 1 else []
    for times in (t for t in TIMES if t < run.times):
        row = row_after(history, times * steps, record.scale.beta, kept_best)
        if row is not None:
            value = row[VAL_DISTORTION] + pick.slope * row[VAL_RATE]
            then = _standing_after(standing, times * steps)
            rows.append(Tested(beta, run.seed, times * steps, value, then))
    return rows


def _standing_after(standing: Standing | None, steps: int) -> str:
    """How a run stood after some of its steps: it overfits from the step of its least value on."""
    if standing is None or standing.state != OVERFITTED or standing.since is None:
        return UNKNOWN
    return OVERFITTED if steps > standing.since else UNKNOWN


def row_after(history: Sequence[Row], steps: int, beta: float, kept_best: bool) -> Row | None:
    """The row of a run's history that stands for a run of fewer steps; None where none does: β was
    not yet what it came to, or left it again, as in cycles, which are stretched over the steps. A
    warm-up takes the same steps in both.

    Args:
        history: a row per validated epoch.
        steps: of the shorter run.
        beta: to which the run came.
        kept_best: whether a run keeps the weights of its best validated step, and not its last.
    """
    before = [row for row in history if row[STEP] <= steps]
    if not before or before[-1][STEP] < NEAR * steps:
        return None
    final = [abs(row[TRAIN_BETA] - beta) <= SAME * abs(beta) for row in before]
    if not final[-1] or not all(final[final.index(True) :]):
        return None
    if kept_best:
        counted = before[final.index(True) :]
        return min(counted, key=lambda row: validated(row, beta))
    return before[-1]


def failures(
    pick: Picked, planned: Sequence[Confirms], trials: "Iterable[FrozenTrial]"
) -> dict[float, str]:
    """The β of a pick and of its neighbours whose run of the most steps failed, with the reason.

    Args:
        pick: whose runs and neighbours are looked at.
        planned: the runs that are to confirm the decision.
        trials: all of the study.
    """
    most = max((run.times for run in planned if run.trial == pick.trial), default=0)
    found: dict[float, str] = {}
    for trial in trials:
        run = origin(trial).confirms
        if run is None or run not in planned or (run.trial, run.times) != (pick.trial, most):
            continue
        if status(trial) is Status.NOT_CONFIRMS:
            found.setdefault(run.factor * pick.beta, reason(trial))
    return found
