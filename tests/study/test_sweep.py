import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from filelock import FileLock
from tests.conftest import SPACE

from betafront.study.search.samplers import SAMPLERS

Command = Callable[..., Any]
GRID = ("objective.weight=0.1,1,10", "normalisation=sum,mean")


def status(betafront: Command) -> dict[str, Any]:
    said = betafront("status", "--json")
    assert said.code == 0, said.err
    return dict(json.loads(said.out))


def folders(place: Path) -> list[str]:
    return sorted(p.name for p in place.glob("runs/*/trial-*"))


@pytest.mark.parametrize("name", sorted(SAMPLERS))
def test_every_sampler_meets_the_budget_exactly_and_then_does_nothing(
    betafront: Command, fast: tuple[str, ...], own_place: Path, name: str
) -> None:
    """A sampler is not asked once the budget is met; how many trials that are, the grid decides."""
    command = (
        "sweep", *(GRID if name == "grid" else SPACE), *fast, f"study.sampler={name}",
        "study.budget.trials=3", "study.name=s", "study.workers=2",
    )  # fmt: skip
    said = betafront(*command)
    assert said.code == 0, said.err
    assert "Front of s" in said.out
    now = status(betafront)
    assert [now[key] for key in ("complete", "failed", "running", "lost")] == [3, 0, 0, 0]
    assert folders(own_place) == [f"trial-{n:04d}" for n in range(3)]
    if name not in ("grid", "tpe"):
        return
    again = betafront(*command)
    assert again.code == 0
    assert "complete: 3 of 3" in again.out
    assert "Front of s" in again.out
    assert folders(own_place) == [f"trial-{n:04d}" for n in range(3)]


def test_a_grid_is_searched_point_by_point(
    betafront: Command, fast: tuple[str, ...], own_place: Path
) -> None:
    said = betafront("sweep", *GRID, *fast, "study.sampler=grid", "study.budget.trials=99")
    assert said.code == 0, said.err
    table = np.genfromtxt(
        own_place / "runs/adhoc-digits/report/front.csv", delimiter=",", names=True, dtype=None
    )
    points = sorted(zip(table["objectiveweight"], table["normalisation"], strict=True))
    assert points == sorted((w, n) for w in (0.1, 1, 10) for n in ("sum", "mean"))


def test_the_study_folder_holds_what_the_command_names(
    betafront: Command, fast: tuple[str, ...], own_place: Path
) -> None:
    said = betafront("sweep", *SPACE, *fast, "study.budget.trials=2")
    study = own_place / "runs/adhoc-digits"
    for name in ("front.html", "front.png", "front.csv"):
        assert str(study / "report" / name) in said.out
        assert (study / "report" / name).stat().st_size > 0
    for name in ("config.yaml", "result.json", "run.log", "model.safetensors", "trace.npz"):
        assert (study / "trial-0001" / name).is_file()
    assert len(list((study / "trial-0001/pictures").glob("*.png"))) == 6


def test_trials_of_a_sequential_study_are_the_same_bits_the_second_time(
    betafront: Command, swept: Command, fast: tuple[str, ...], own_place: Path
) -> None:
    words = (*SPACE, *fast, "study.budget.trials=3")
    results = []
    for first in (True, False):
        assert (swept(*words) if first else betafront("sweep", *words)).code == 0
        paths = sorted(own_place.glob("runs/adhoc-digits/trial-*/result.json"))
        results.append([json.loads(p.read_text()) for p in paths])
        shutil.rmtree(own_place / "runs")
    for one, other in zip(*results, strict=True):
        one.pop("seconds"), other.pop("seconds")
        assert one == other
    seeds = {result["seed"] for result in results[0]}
    assert len(seeds) == 3


def test_a_diverging_trial_is_recorded_and_the_sweep_goes_on(
    betafront: Command, fast: tuple[str, ...]
) -> None:
    said = betafront(
        "sweep", "optimizer.lr=0.001,1e30", *fast, "study.sampler=grid", "study.budget.trials=2"
    )
    assert said.code == 1
    assert "diverged: the loss became NaN or infinite at step" in " ".join(said.out.split())
    now = status(betafront)
    assert (now["complete"], now["failed"]) == (1, 1)
    # A failed trial is not tried again.
    assert "complete: 2 of 2" in betafront(
        "sweep", "optimizer.lr=0.001,1e30", *fast, "study.sampler=grid", "study.budget.trials=2"
    ).out  # fmt: skip


def test_a_larger_budget_goes_on_with_the_same_study(
    betafront: Command, swept: Command, fast: tuple[str, ...]
) -> None:
    assert swept(*SPACE, *fast, "study.budget.trials=1").code == 0
    said = betafront("sweep", *SPACE, *fast, "study.budget.trials=2")
    assert "The budget of adhoc-digits was 1 trials, now 2." in said.out
    assert "Resuming adhoc-digits: 1 of 2" in said.out
    assert status(betafront)["complete"] == 2


def test_a_study_goes_on_beside_plain_optuna(
    betafront: Command, swept: Command, fast: tuple[str, ...], own_place: Path
) -> None:
    assert swept(*SPACE, *fast, "study.budget.trials=1").code == 0
    url = f"sqlite:///{own_place}/runs/studies.db"
    optuna.create_study(study_name="somebody's", storage=url)  # newer than ours
    study = optuna.load_study(study_name="adhoc-digits", storage=url)
    study.add_trial(optuna.create_trial(values=[0.0, 0.0]))  # would be the whole front
    study.tell(study.ask(), [0.0, 0.0])
    for point in ({"objective.wieght": 0.5}, {"objective.weight": 90.0}, {"objective.weight": 0.5}):
        study.enqueue_trial(point)
    before = status(betafront)
    assert before["complete"] == 1
    assert before["others"] == {"waiting": 3, "refused": 0, "foreign": 2}
    said = betafront("sweep", *SPACE, *fast, "study.budget.trials=2")
    assert said.code == 0
    assert "Trial 3 of another program was refused: the space has no objective.wieght" in said.out
    assert "Of another program: trials 1, 2" in said.out
    now = status(betafront)
    assert (now["complete"], now["budget"]) == (2, 2)
    assert now["front"]
    assert set(now["front"]) <= {0, 5}
    assert now["others"] == {"waiting": 0, "refused": 2, "foreign": 2}
    asked = study.get_trials()[5]
    assert asked.params["objective.weight"] == 0.5
    assert (own_place / "runs/adhoc-digits/trial-0005/result.json").is_file()
    assert "complete: 2 of 2" in betafront("sweep", *SPACE, *fast, "study.budget.trials=2").out
    assert "is another program's" in betafront("train", "--trial", "1").err
    assert "is another program's" in betafront("status", "somebody's").err


def test_own_conf_and_studies_are_searched_first(
    betafront: Command, fast: tuple[str, ...], own_place: Path
) -> None:
    (own_place / "conf/model").mkdir(parents=True)
    (own_place / "conf/model/mine.yaml").write_text(
        "_target_: betafront.models.mlp\n_partial_: true\nlatents: 3\nhidden: [8]\n"
    )
    (own_place / "studies/mine").mkdir(parents=True)
    (own_place / "studies/mine/study.yaml").write_text(
        "# @package _global_\ndefaults:\n  - override /model: mine\n"
        "study:\n  name: mine\n  space:\n    objective.weight: choice(1, 2)\n"
    )
    said = betafront("sweep", "study=mine", *fast, "study.budget.trials=1")
    assert said.code == 0, said.err
    scale = json.loads((own_place / "runs/mine/trial-0000/result.json").read_text())["scale"]
    assert scale["latents"] == 3


def test_a_study_of_the_same_name_as_a_shipped_one_is_the_users_own(
    betafront: Command, own_place: Path
) -> None:
    (own_place / "studies/weighting").mkdir(parents=True)
    (own_place / "studies/weighting/study.yaml").write_text(
        "# @package _global_\nstudy:\n  sampler: mine\n  space: {objective.weight: '1,2'}\n"
    )
    assert "study.sampler=mine is unknown" in betafront("sweep", "study=weighting").err


TWO_BRANCHES = """\
# @package _global_
study:
  name: small
  space:
    objective.weight: tag(log, interval(0.001, 10))
    normalisation: choice(sum, mean)
"""
WRONG = {
    "key": (["objective.wieght=1"], "did you mean 'objective.weight'?"),
    "searched key": (["objective.wieght=interval(1,2)"], "did you mean 'objective.weight'?"),
    "choice": (["normalisation=maen"], "did you mean 'mean'?"),
    "searched choice": (["normalisation=choice(sum,maen)"], "did you mean 'mean'?"),
    "group": (["normalization=mean"], "did you mean 'normalisation'?"),
    "seed in the space": (["seed=1,2"], "study.seed"),
    "fixed seed": (["seed=1"], "study.seed"),
    "data in the space": (["data.binarize=0.3,0.6"], "sweep once for each"),
    "unread key in the space": (["study.workers=1,2"], "a trial does not read it"),
    "device": (["trainer.accelerator=gpuu"], "trainer.accelerator=gpuu"),
    "precision": (["trainer.precision=16x"], "trainer.precision=16x"),
    "grammar": (["objective.weight=choice(1,"], "cannot read 'objective.weight=choice(1,'"),
    "empty interval": (["objective.weight=interval(1,1)"], "the interval is empty"),
    "inverted interval": (["objective.weight=interval(2,1)"], "the interval is inverted"),
    "log of zero": (["objective.weight=tag(log,interval(0,1))"], "must start above 0"),
    "budget of 0": (["study.budget.trials=0"], "study.budget.trials must be a whole number"),
    "no budget": (["study.budget=3"], "study.budget.trials must be a whole number"),
    "half a worker": (["study.workers=0.5"], "study.workers must be a whole number"),
    "sampler": (["study.sampler=tpee"], "did you mean 'tpe'?"),
    "objective": (["study.objectives=[val/rate,val/msee]"], "did you mean 'val/mse'?"),
    "one objective": (["study.objectives=[val/rate]"], "must name two or three metrics, not 1"),
    "four objectives": (
        ["study.objectives=[val/rate,val/distortion,val/mse,val/active_units]"],
        "two or three metrics, not 4",
    ),
    "a metric that no run has": (
        ["study.objectives=[val/rate,val/linear_probe]"],
        "no run has the metric val/linear_probe",
    ),
    "a worst value that is not known": (
        ["study.objectives=[val/rate,maximize val/distortion]"],
        "study.reference must be given",
    ),
    "reference": (["study.reference=[1]"], "one number per objective"),
    "name": (["study.name=a/b"], "study.name names a folder"),
    "grid of an interval": (["study.sampler=grid"], "cannot search objective.weight"),
    "negative weight": (["objective.weight=-1"], "objective.weight must be finite"),
    "wordy weight": (["objective.weight=much"], "objective.weight must be a number"),
    "schedule": (["schedule=linear", "schedule.warmup=0"], "schedule.warmup is a part"),
    "grey Bernoulli": (["likelihood=bernoulli"], "binarise them (data.binarize=0.5)"),
    "mixed likelihoods": (
        ["likelihood=choice(gaussian,continuous_bernoulli)"],
        "study.objectives=[val/rate,val/mse]",
    ),
    "resnet on 8 pixels": (["model=resnet"], "of 32 to 128 pixels a side, but these are 1 x 8 x 8"),
    "no encoder": (["model=pair"], "model.encoder._target_ has no default"),
    "a model without parameters": (
        [
            "model=pair",
            "model.encoder._target_=torch.nn.Flatten",
            "model.decoder._target_=torch.nn.Flatten",
        ],
        "model: VAE has no parameters to train, neither in its encoder (Flatten)",
    ),
    "shape of a file": (["data=tensor", "data.path=flat.npy"], "has the shape (8,)"),
    "NaN in a file": (["data=tensor", "data.path=nan.npy"], "first in image 7"),
    "no such file": (["data=tensor", "data.path=none.npy"], "there is no file none.npy"),
    "no path": (["data=tensor"], "data.path has no default"),
    "data not there": (["data=kmnist"], "data.download=true"),
    "unwritable folder": (["runs=/proc/none"], "cannot write /proc/none"),
    "short lease": (["study.lease=1"], "study.lease must be a number of seconds of at least 5"),
    "unknown study": (["study=wieghting"], "did you mean 'weighting'?"),
}


@pytest.mark.parametrize("case", WRONG)
def test_bad_input_is_one_clear_line_and_nothing_is_trained(
    betafront: Command, own_place: Path, case: str
) -> None:
    overrides, says = WRONG[case]
    (own_place / "studies/small").mkdir(parents=True)
    (own_place / "studies/small/study.yaml").write_text(TWO_BRANCHES)
    images = np.random.default_rng(0).random((40, 8, 8))
    np.save(own_place / "flat.npy", images[0, 0])
    images[7, 0, 0] = np.nan
    np.save(own_place / "nan.npy", images)
    study = [] if case == "unknown study" else ["study=small"]
    said = betafront("sweep", *study, "hydra/launcher=basic", *overrides)
    assert said.code == 2
    assert said.err.startswith("betafront: ")
    assert said.err.count("\n") == 1
    assert says in said.err
    assert said.out == ""
    assert not list(own_place.glob("runs/*/trial-*"))
    assert betafront("status").code == 2  # there is no study either


def test_a_study_that_exists_for_something_else_is_refused(
    betafront: Command, swept: Command, fast: tuple[str, ...], own_place: Path
) -> None:
    made = (*SPACE, *fast, "study.budget.trials=1")
    assert swept(*made).code == 0
    for change, says in (
        (
            "objective.weight=0.1,1",
            "with another space (objective.weight: tag(log,interval(0.01,10)), now 0.1,1)",
        ),
        ("study.objectives=[val/rate,val/mse]", "with other objectives"),
        ("model.latents=3", "with other settings (model.latents: 8, now 3)"),
        ("data.split_seed=1", "with other settings (data.split_seed: 0, now 1)"),
    ):
        said = betafront("sweep", *made, change)
        assert said.code == 2
        assert says in said.err
        assert "study.name=" in said.err
    assert folders(own_place) == ["trial-0000"]


def test_runs_of_a_lost_storage_are_not_overwritten(
    betafront: Command, swept: Command, fast: tuple[str, ...], own_place: Path
) -> None:
    made = (*SPACE, *fast, "study.budget.trials=1")
    assert swept(*made).code == 0
    for path in own_place.glob("runs/studies.db*"):
        path.unlink()
    said = betafront("sweep", *made)
    assert said.code == 2
    assert "holds runs of a study that is not in the storage" in said.err


def test_a_study_that_is_being_swept_is_left_alone(
    betafront: Command, swept: Command, fast: tuple[str, ...], own_place: Path
) -> None:
    made = (*SPACE, *fast, "study.budget.trials=1")
    assert swept(*made).code == 0
    with FileLock(own_place / "runs/adhoc-digits/watch.lock", is_singleton=False):
        said = betafront("sweep", *made)
    assert said.code == 2
    assert "is being swept by another process" in said.err


def test_a_key_that_is_added_can_be_searched(
    betafront: Command, fast: tuple[str, ...], own_place: Path
) -> None:
    said = betafront(
        "sweep", "+optimizer.weight_decay=0,0.01", *fast, "study.sampler=grid",
        "study.budget.trials=2",
    )  # fmt: skip
    assert said.code == 0, said.err
    configs = own_place.glob("runs/adhoc-digits/trial-*/config.yaml")
    assert sorted(
        line for c in configs for line in c.read_text().splitlines() if "weight_decay" in line
    ) == ["  weight_decay: 0", "  weight_decay: 0.01"]


def test_searching_the_likelihood_names_no_best_elbo(
    betafront: Command, fast: tuple[str, ...], own_place: Path
) -> None:
    said = betafront(
        "sweep", "likelihood=gaussian,continuous_bernoulli", "objective.weight=0.01,100",
        "study.objectives=[val/rate,val/mse]", "study.sampler=grid", *fast,
    )  # fmt: skip
    assert said.code == 0, said.err
    assert "best ELBO" not in said.out
    assert (own_place / "runs/adhoc-digits/report/front.html").is_file()
    # Brackets in a command are no markup of the terminal's.
    assert "study.objectives=[val/rate,val/mse]" in betafront("status").out


def test_another_hydra_application_of_the_users_does_not_disturb(
    betafront: Command, own_place: Path
) -> None:
    (own_place / "conf").mkdir()
    (own_place / "conf/config.yaml").write_text("lr: 1\n")
    said = betafront("train", "objective.weight=-1")
    assert "objective.weight must be finite and not negative" in said.err


def test_a_sweep_of_nothing_says_what_to_give(betafront: Command) -> None:
    said = betafront("sweep")
    assert said.code == 2
    assert "study=weighting" in said.err


def test_a_study_without_a_search_has_one_trial(betafront: Command, fast: tuple[str, ...]) -> None:
    one = ("sweep", "study.name=s", "study.sampler=qmc", "study.budget.trials=1", *fast)
    said = betafront(*one)
    assert said.code == 0, said.err
    assert "Sweeping s: 1 trial, " in said.out
    assert "1 of 1 finished trial is on the front" in " ".join(said.out.split())
    assert "is complete: 1 of 1 trials" in betafront(*one).out
