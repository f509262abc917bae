"""What only reads a study imports no torch and no Lightning, nor does an answer that needs no
tensor: so they come at once."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from betafront.study.create import make
from betafront.study.spec import Spec
from betafront.study.storage.opening import open_storage
from betafront.study.storage.study_store import Store
from betafront.study.trials.ours import RECORD as RECORD_KEY
from betafront.study.trials.ours import trial_folder

RECORD = {
    "metrics": {"val/rate": 4.0, "val/distortion": 30.0},
    "scale": {
        "normalisation": "sum", "weight": 1.0, "beta": 1.0, "beta_norm": 0.1, "sigma": None,
        "beta_spread": None, "holds": "", "target": None, "came_to": None, "reached": None,
        "pixels": 64, "latents": 8,
    },
    "seconds": 1.0, "folder": "trial-0000", "seed": 1,
}  # fmt: skip
OBJECTIVES = ("val/rate", "val/distortion")
TORCH = {"torch", "torchvision", "pytorch_lightning"}
HEAVY = TORCH | {"sklearn", "scipy", "matplotlib", "mlflow"}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A runs folder with a study of two finished trials."""
    import optuna

    folder = tmp_path_factory.mktemp("runs")
    storage = open_storage(f"sqlite:///{folder}/studies.db", create=True)
    make(
        storage,
        Spec(
            name="s", question="", objectives=dict.fromkeys(OBJECTIVES, "minimize"),
            space={"objective.weight": "0.5,2"}, space_digest="", base={}, sampler="random", seed=0,
            trials=2, workers=1, folder="", reference=[40.0, 60.0], pixels=64, latents=8,
            tracking={"_target_": "betafront.study.tracker.protocol.NoTracker"},
        ),
    )  # fmt: skip
    store = Store(storage, "s")
    points = ((0.5, 6.0, 25.0), (2.0, 2.0, 40.0))
    for number, (weight, rate, distortion) in enumerate(points):
        metrics = {"val/rate": rate, "val/distortion": distortion} | {
            "val/negative_elbo": rate + distortion, "val/mse": 0.1, "val/active_units": 2.0,
        }  # fmt: skip
        store.make(
            optuna.create_trial(
                values=[rate, distortion],
                params={"objective.weight": weight},
                distributions={
                    "objective.weight": optuna.distributions.CategoricalDistribution([0.5, 2.0])
                },
                user_attrs={
                    RECORD_KEY: RECORD | {"metrics": metrics, "folder": trial_folder(number)}
                },
            )
        )
    return folder


def imported(runs: Path, place: Path, *arguments: str) -> tuple[set[str], str]:
    """The packages that a command imported in a process of its own, and what it answered."""
    code = (
        "import sys\nfrom betafront.cli import main\n"
        "try: main(sys.argv[1:])\nexcept SystemExit: pass\n"
        "print('MODULES', *{name.partition('.')[0] for name in sys.modules})"
    )
    environment = os.environ | {"BETAFRONT_RUNS": str(runs)}
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True, text=True, check=False, env=environment, cwd=place,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    said, _, names = done.stdout.rpartition("MODULES ")
    assert "Traceback" not in done.stderr
    return set(names.split()), said + done.stderr


@pytest.mark.parametrize(
    ("arguments", "says", "without"),
    [
        (("status", "s"), "2 complete", HEAVY),
        (("status", "s", "--json"), '"complete": 2', HEAVY),
        (("compare", "s", "--by", "objective.weight"), "weight=0.5", HEAVY),
        (("report", "s"), "front.html", TORCH),
        (("sync", "s"), "", TORCH),
        (("ui", "nosuch"), "there is no study 'nosuch'", HEAVY),
        (("worker", "nosuch"), "there is no study 'nosuch'", HEAVY),
        (("status", "nosuch"), "there is no study 'nosuch'", HEAVY),
    ],
    ids=lambda part: " ".join(part) if isinstance(part, tuple) else "",
)
def test_a_reader_imports_no_torch(
    runs: Path, tmp_path: Path, arguments: tuple[str, ...], says: str, without: set[str]
) -> None:
    names, said = imported(runs, tmp_path, *arguments)
    assert says in said
    assert not names & without


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("train", "objectve.weight=1"), "did you mean 'objective.weight'?"),
        (("train", "likelihod=gaussian"), "did you mean 'likelihood'?"),
        (("train", "likelihood=gausian"), "did you mean 'gaussian'?"),
        (("train", "model.hidden=[8"), "cannot read 'model.hidden=[8'"),
        (("sweep", "study=weightin"), "did you mean 'weighting'?"),
        (("sweep", "objective.weight=interval(10,1)"), "the interval is inverted"),
        (("sweep", "objective.weight=tag(log,interval(0,1))"), "must start above 0"),
        (("sweep", "objective.weight=choice(1"), "cannot read 'objective.weight=choice(1'"),
        (("sweep", "study=weighting", "study.sampler=tp"), "did you mean 'tpe'?"),
        (("sweep", "study=weighting", "study.budget.trials=0"), "at least 1, not 0"),
        (("sweep", "study=weighting", "study.objectives=[rate]"), "two or three metrics"),
        (("sweep", "study=weighting", "seed=1"), "study.seed"),
        (("sweep", "study=weighting", "study.constraints=['a.b < 1']"), "reads a.b"),
        (("sweep", "study=weighting", "study.enqueue=[{schedule: liner}]"), "cannot be liner"),
        (("sweep", "--dry-run", "trainer.step=1,2"), "did you mean 'trainer.steps'?"),
    ],
    ids=lambda part: " ".join(part) if isinstance(part, tuple) else "",
)
def test_a_refusal_that_needs_no_tensor_imports_no_torch(
    tmp_path: Path, arguments: tuple[str, ...], says: str
) -> None:
    names, said = imported(tmp_path, tmp_path, *arguments)
    assert says in said
    assert len(said.strip().splitlines()) == 1
    assert not names & HEAVY
