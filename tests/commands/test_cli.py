import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from tests.conftest import SPACE

from betafront.training.folder import RunFolder

Command = Callable[..., Any]


def test_help_names_every_command_without_loading_torch() -> None:
    code = (
        "import sys\nfrom betafront.cli import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "heavy = {'torch', 'optuna', 'mlflow', 'hydra', 'pandas'} & set(sys.modules)\n"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for command in ("train", "sweep", "status", "report", "sync", "weights", "ui"):
        assert f" {command} " in done.stdout


def test_weights_translates_the_issue_example(betafront: Command) -> None:
    said = betafront(
        "weights", "--json", "--pixels", "784", "--latents", "20", "--normalisation", "mean",
        "--weight", "0.1",
    )  # fmt: skip
    answer = json.loads(said.out)
    assert answer["beta"] == 3.92
    assert answer["beta_norm"] == 0.1
    assert answer["weights"] == {"sum": 3.92, "mean": 0.1, "pixel_mean": 0.005, "beta_norm": 0.1}


def test_weights_give_the_weight_beside_a_squared_error(betafront: Command) -> None:
    arguments = ("--pixels", "64", "--latents", "8", "--weight", "3", "--sigma", "0.5")
    answer = json.loads(betafront("weights", "--json", *arguments).out)
    assert answer["squared_error"] == {"SSE + w·KL": 1.5, "½·SSE + w·KL": 0.75}
    assert "SSE + w·KL" in betafront("weights", *arguments).out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--normalisation", "maen"), "did you mean 'mean'?"),
        (("--sigma", "0"), "--sigma must be above 0"),
    ],
)
def test_weights_refuse_what_they_cannot_read(
    betafront: Command, arguments: tuple[str, ...], says: str
) -> None:
    said = betafront("weights", "--pixels", "4", "--latents", "2", "--weight", "1", *arguments)
    assert said.code == 2
    assert says in said.err


@pytest.mark.parametrize("command", ["status", "report", "sync", "ui"])
def test_commands_on_no_study_say_how_to_make_one(betafront: Command, command: str) -> None:
    said = betafront(command)
    assert said.code == 2
    assert "`betafront sweep` makes one" in said.err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("status", "--json"), "`betafront sweep` makes one"),
        (("compare", "a", "b", "--json"), "there are no studies in "),
        (("weights", "--json", "--sigma", "0"), "--pixels"),
        (("weights", "audit", "no_such_module:f", "--json"), "there is no module"),
        (("status", "--json", "--folow"), "No such option"),
        (("compare", "--json", "--csv"), "requires an argument"),
    ],
)
def test_where_json_is_asked_for_an_error_is_json(
    betafront: Command, words: tuple[str, ...], says: str
) -> None:
    said = betafront(*words)
    assert said.code == 2
    assert says in json.loads(said.out)["error"]
    assert said.err == ""


def test_exit_statuses_are_the_same_with_json(betafront: Command, own_place: Path) -> None:
    (own_place / "own_loss.py").write_text(
        "def loss(x, recon, mu, log_var):\n    return ((x - recon) ** 2).mean()\n"
    )
    codes = {betafront("weights", "audit", "own_loss.py:loss", *j).code for j in ((), ("--json",))}
    assert codes == {1}  # there is no KL: a warning


def test_options_are_no_settings(betafront: Command) -> None:
    said = betafront("train", "--trainer.steps=5")
    assert said.code == 2
    assert "a setting is written without dashes, as trainer.steps=5" in said.err


def test_several_choices_of_a_group_that_has_one_are_refused(betafront: Command) -> None:
    said = betafront("train", "schedule=[constant,linear]")
    assert said.code == 2
    assert "schedule has one choice, and no list" in said.err


def test_train_shows_the_run_and_leaves_its_files(betafront: Command, own_place: Path) -> None:
    said = betafront(
        "train", "normalisation=mean", "objective.weight=0.1", "trainer.steps=12",
        "model.hidden=[8]",
    )  # fmt: skip
    assert said.code == 0, said.err
    assert "weight 0.1 under normalisation=mean is canonical β = 0.8" in said.out
    (folder,) = own_place.glob("runs/train/*")
    assert (folder / "result.json").is_file()
    assert str(folder / "result.json") in said.out


def test_any_hydra_command_line_is_a_run(betafront: Command) -> None:
    said = betafront("trainer.steps=0")
    assert said.code == 2
    assert "trainer.steps must be a whole number of at least 1, not 0" in said.err


def test_a_diverged_run_is_one_clear_line(betafront: Command) -> None:
    said = betafront("train", "optimizer.lr=1e30", "trainer.steps=30", "model.hidden=[8]")
    assert said.code == 2
    assert "the loss became NaN or infinite at step" in said.err
    assert "Traceback" not in said.err


def test_status_shows_the_state_and_the_front(
    betafront: Command, swept: Command, fast: tuple[str, ...]
) -> None:
    swept(*SPACE, *fast, "study.budget.trials=3")
    answer = json.loads(betafront("status", "--json").out)
    assert answer["study"] == "adhoc-digits"
    assert answer["budget"] == answer["complete"] == 3
    assert answer["failed"] == answer["running"] == answer["lost"] == 0
    assert set(answer["front"]) <= {0, 1, 2}
    assert answer["front"]
    assert answer["decision"] is None
    assert answer["refused"] == "No decision: the study has 3 finished trials; it takes 5."
    assert answer["points"] == []
    asked = json.loads(betafront("status", "--json", "--rate", "1e6").out)
    assert asked["points"] == []
    shown = betafront("status", "adhoc-digits")
    assert "3 complete, 0 failed, 0 running, 0 lost; budget 3" in shown.out
    assert "best ELBO" not in shown.out
    assert "did you mean 'adhoc-digits'?" in betafront("status", "adhoc-digit").err


def test_report_writes_the_files_again(
    betafront: Command, swept: Command, fast: tuple[str, ...], own_place: Path
) -> None:
    swept(*SPACE, *fast, "study.budget.trials=3")
    page = own_place / "runs/adhoc-digits/report/front.html"
    page.unlink()
    said = betafront("report", "--rate", "1e6")
    assert said.code == 0
    assert "No decision: the study has 3 finished trials" in said.out
    assert page.is_file()
    for words, expected in {
        ("--rate", "-1"): "no trial of adhoc-digits has a rate of -1 nats or less",
        ("--within", "5"): "--within is for objectives that are maximised",
    }.items():
        said = betafront("report", *words)
        assert said.code == 2
        assert expected in said.err
        assert len(said.err.strip().splitlines()) == 1


def test_a_target_that_cannot_be_had_is_said_so(betafront: Callable[..., Any]) -> None:
    said = betafront(
        "train", "controller=geco", "controller.target=-1e6", "controller.speed=1",
        "trainer.steps=20", "model.hidden=[8]", "data.limit=200",
    )  # fmt: skip
    said_all = " ".join(said.out.split())
    assert "distortion was to be held to -1e+06 and came to" in said_all


def test_a_controller_says_what_it_took(betafront: Callable[..., Any]) -> None:
    said = betafront(
        "train", "controller=controlvae", "controller.target=4", "trainer.steps=1500",
        "model.hidden=[32]", "optimizer.lr=0.005",
    )  # fmt: skip
    assert "rate was held to 4; that is canonical β = " in " ".join(said.out.split())


def test_what_is_wrong_with_a_choice_is_one_clear_line(betafront: Callable[..., Any]) -> None:
    for words, said in {
        ("penalty=[mmd]", "penalty.mmd.wieght=3"): "did you mean 'penalty.mmd.weight'?",
        ("penalty=[mmd,tc]",): "there is no penalty=tc: its choices are the files of conf/penalty",
        ("schedule@controller.schedule=linear",): "choose a controller that has one first",
        ("controller=geco", "controller.target=abc"): "controller: one of its values is of the",
        ("controller=geco",): "controller.target has no default: give controller.target=",
        ("penalty=[dip]", "trainer.batch_size=1"): "trainer.batch_size must be at least 2",
        ("shaping=free_bits", "shaping.group=3"): "shaping.group=3 does not divide",
        ("controller=geco", "controller.target=1", "schedule=linear"): "use schedule=constant",
        ("likelihood=beta",): "dequantise it with data.dequantize=true",
        ("likelihood=categorical", "data.levels=300"): "from 2 to 256",
    }.items():
        answer = betafront("train", *words)
        assert answer.code == 2, words
        assert said in answer.err, words
        assert len(answer.err.strip().splitlines()) == 1, answer.err


def test_a_finished_run_is_not_written_over(betafront: Callable[..., Any]) -> None:
    words = ("train", "trainer.steps=5", "model.hidden=[8]", "data.limit=200", "hydra.run.dir=run")
    assert betafront(*words).code == 0
    again = betafront(*words)
    assert again.code == 2
    assert "run holds a finished run: choose another folder, or remove it" in again.err
    with FileLock(RunFolder(Path("other")).lock):  # as another process holds it that trains there
        beside = betafront(*words[:-1], "hydra.run.dir=other")
    assert beside.code == 2
    assert beside.err.count("\n") == 1 and "another process is training a run in" in beside.err
    assert not RunFolder(Path("other")).has_result


def test_a_trial_is_run_again_with_the_same_numbers(
    betafront: Command, swept: Command, own_place: Path, fast: tuple[str, ...]
) -> None:
    assert swept(*SPACE, *fast, "study.budget.trials=3").code == 0
    again = betafront("train", "--trial", "1", "--study", "adhoc-digits")
    assert "numbers are those of trial 1 of adhoc-digits, bit for bit" in " ".join(
        again.out.split()
    )
    for words, said in {
        ("--trial", "99"): "adhoc-digits has no trial 99",
        ("--trial", "1", "model=conv"): "leave out model=conv",
        ("--study", "s"): "--study is for --trial N",
        ("--trial", "1", "--study", "x"): "there is no study 'x'",
    }.items():
        answer = betafront("train", *words)
        assert answer.code == 2
        assert said in answer.err
    (own_place / "runs/adhoc-digits/trial-0001/config.yaml").unlink()
    assert "configuration of the run is gone" in betafront("train", "--trial", "1").err


def test_a_failed_trial_is_tried_again_as_status_says(
    betafront: Command, swept: Command, own_place: Path, fast: tuple[str, ...]
) -> None:
    once = ("objective.weight=1,2", "study.sampler=grid", "study.budget.trials=1")
    assert swept(*once, *fast, "optimizer.lr=1e30", "study.name=f").code == 1
    assert "Run one again with `betafront train --trial 0 --study f`" in betafront("status").out
    again = betafront("train", "--trial", "0", "--study", "f")
    assert again.code == 2
    assert "the loss became NaN or infinite at step" in again.err
    config = own_place / "runs/f/trial-0000/config.yaml"
    config.write_text(config.read_text().replace("1.0e+30", "0.001"))  # whatever ended it is gone
    again = betafront("train", "--trial", "0", "--study", "f")
    assert again.code == 0, again.err
    assert "Trial 0 of f, which failed then (diverged: the loss" in " ".join(again.out.split())
    config.unlink()
    assert "has no such run to repeat" in betafront("train", "--trial", "0", "--study", "f").err


def test_a_study_is_followed_to_its_end(
    betafront: Command, swept: Command, fast: tuple[str, ...]
) -> None:
    assert swept(*SPACE, *fast, "study.budget.trials=3").code == 0
    said = betafront("status", "adhoc-digits", "--follow")  # complete already: it ends at once
    assert said.code == 0
    assert "3 complete" in said.out
