"""The studies that pruning is replayed on: their sweeps, and the curves of their trials.

A sweep that is not in `benchmarks/results/pruning/` is run with one worker and without pruning, and
its trials' validated curves are kept there, so that a replay trains nothing.
"""

import json
import math
import os
import shlex
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from betafront.study.lookup import find_study
from betafront.study.results.table import table as table_of
from betafront.training.history import STEP, TRAIN_BETA, VAL_DISTORTION, VAL_RATE, read_history

KEPT = Path(__file__).parents[1] / "results" / "pruning"
STEPS = 400
SAME = (
    f"trainer.steps={STEPS}", "trainer.accelerator=cpu", "study.workers=1", "tracking=off",
    "objective.weight=tag(log,interval(0.03,30))", "optimizer.lr=tag(log,interval(1e-4,1e-2))",
    "schedule=choice(constant,linear,cyclical)",
)  # fmt: skip
SWEEPS = {
    "digits": (
        "data=digits", "model.hidden=choice([32],[128,64],[256,128])",
        "study.sampler=random", "study.budget.trials=120",
    ),
    "logistic": (
        "data=digits", "likelihood=discretized_logistic",
        "model.hidden=choice([32],[128,64],[256,128])", "study.sampler=tpe",
        "study.budget.trials=100",
    ),
    "mnist14": (
        "data=mnist", "data.size=14", "data.binarize=0.5", "data.limit=3000",
        "likelihood=bernoulli", "model.hidden=choice([32],[128,64],[256,128])",
        "study.sampler=random", "study.budget.trials=80",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Curve:
    """A trial that was trained to its end.

    Attributes:
        trial: its number.
        beta: the final canonical β.
        seconds: of training and evaluation.
        rate, distortion: as it was evaluated, in nats.
        validations: of each its step, D, R and the β in force.
    """

    trial: int
    beta: float
    seconds: float
    rate: float
    distortion: float
    validations: list[tuple[int, float, float, float]]


@dataclass(frozen=True)
class Curves:
    """A study whose trials were all trained to their ends.

    Attributes:
        command: that trained it.
        reference: for the hypervolume, of R and of D.
        steps: of each trial.
        trials: in order.
    """

    command: str
    reference: list[float]
    steps: int
    trials: list[Curve]


def curves(name: str) -> Curves:
    """The curves of a study, from its file or from its sweep."""
    path = KEPT / f"{name}.json"
    if not path.is_file():
        keep(swept(name), path)
    read = json.loads(path.read_text())
    trials = [Curve(**one) for one in read.pop("trials")]
    return Curves(**read, trials=trials)


def keep(made: Curves, path: Path) -> None:
    """Write the curves of a study, a line per trial."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(asdict(made)).replace('{"trial"', '\n{"trial"') + "\n")


def swept(name: str) -> Curves:
    """Run the sweep of a study, and gather its curves."""
    with tempfile.TemporaryDirectory() as place:
        os.environ["BETAFRONT_RUNS"] = place
        words = command(name)
        subprocess.run([sys.executable, "-m", *words], stdout=subprocess.DEVNULL, check=True)
        return gathered(name)


def command(name: str) -> list[str]:
    """The words of the sweep of a study."""
    return ["betafront", "sweep", *SAME, *SWEEPS[name], f"study.name={name}"]


def gathered(name: str) -> Curves:
    """The curves of a study that was swept."""
    study, spec = find_study(name)
    found = []
    for row in table_of(study.trials, spec.objectives).to_dict("records"):
        history = read_history(Path(spec.folder) / row["folder"])
        rows = [[h[STEP], h[VAL_DISTORTION], h[VAL_RATE], h[TRAIN_BETA]] for h in history]
        found.append(
            Curve(
                trial=row["trial"],
                beta=_short(row["beta"]),
                seconds=_short(row["seconds"]),
                rate=_short(row["val/rate"]),
                distortion=_short(row["val/distortion"]),
                validations=[(int(step), *map(_short, rest)) for step, *rest in rows],  # type: ignore[misc]
            )
        )
    return Curves(shlex.join(command(name)), list(spec.reference or []), STEPS, found)


def _short(value: float) -> float:
    """Seven digits of a number."""
    return float(f"{value:.7g}") if math.isfinite(value) else value
