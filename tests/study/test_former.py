"""A study that an earlier version has begun goes on with the settings of then."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest

from betafront.config.former import FORMER, lacking, moved, of_choices
from betafront.config.saved import saved_config
from betafront.study.spec import SPEC, Spec
from betafront.training.result import Result

Command = Callable[..., Any]


def test_settings_that_were_not_there_are_found_where_their_part_is() -> None:
    of_trainer = {key: value for key, value in FORMER.items() if key.startswith("trainer.")}
    assert of_trainer["trainer.keep"] == "last" and of_trainer["trainer.patience"] is None
    assert lacking({"trainer.steps": 5, "objective.draws": 1}) == of_trainer
    del of_trainer["trainer.keep"]
    then = {"trainer.steps": 5, "trainer.keep": "best", "objective.draws": 1}
    assert lacking(then) == of_trainer
    assert lacking({"model.latents": 5, "objective.draws": 1}) == {}  # trainers are searched


def test_a_setting_of_no_group_is_lacking_where_the_others_beside_it_are_searched() -> None:
    assert lacking({"model.latents": 5}) == {"objective.draws": 1}  # the weight is searched


def test_metrics_are_estimated_as_then() -> None:
    then = {"metrics.further.mig.bins": None, "metrics.further.dci.trees": 20}
    then["objective.draws"] = 1
    assert lacking(then) == {
        "metrics.further.mig.estimator": "bins",
        "metrics.further.dci.standard_errors": 0,
    }
    assert lacking(then | {"metrics.further.mig.estimator": "neighbours"}) == {
        "metrics.further.dci.standard_errors": 0
    }


def test_a_default_that_has_changed_is_kept_where_both_are_defaults() -> None:
    then, now = {"likelihood.sigma": 1.0}, {"likelihood.sigma": None}
    assert moved(then, now) == then
    assert moved({"likelihood.sigma": 2.0}, now) == {}
    assert moved(then, {"likelihood.sigma": 0.5}) == {}
    assert moved(then, {}) == {}


def test_defaults_of_choices_are_those_of_then_where_their_group_is_searched() -> None:
    assert of_choices({"trainer.steps": 5})["likelihood.sigma"] == (1.0, None)
    assert of_choices({"likelihood.sigma": 2.0}) == {}
    since = {"trainer.steps": 5, "trainer.keep": "best", "trainer.patience": None}
    assert "objective.draws" in lacking(since)  # which came later, and says nothing of then
    assert of_choices(since) == {}


@pytest.fixture
def made_before(betafront: Command, fast: tuple[str, ...], own_place: Path) -> tuple[str, ...]:
    """The words of a study of one trial, stored as an earlier version did."""
    return stored_as_before(betafront, own_place, "objective.weight=1,2", *fast)


def stored_as_before(betafront: Command, own_place: Path, *given: str) -> tuple[str, ...]:
    """The words of a study of one trial, stored as an earlier version did."""
    words = ("sweep", "study.name=former", *given)
    said = betafront(*words, "study.budget.trials=1")
    assert said.code == 0, said.err
    (path,) = own_place.glob("runs/*.db")
    study = optuna.load_study(study_name="former", storage=f"sqlite:///{path}")
    kept = study.user_attrs[SPEC]
    then = {k: v for k, v in kept["base"].items() if k not in FORMER}
    if "likelihood.mode" in then:
        then["likelihood.sigma"] = 1.0
    study.set_user_attr(SPEC, kept | {"base": then})
    return words


def settings_of(own_place: Path, trial: int) -> Any:
    return saved_config(own_place / f"runs/former/trial-{trial:04d}")


def test_it_is_resumed_twice_as_it_was_begun(
    betafront: Command, made_before: tuple[str, ...], own_place: Path
) -> None:
    for trials in (2, 3):
        said = betafront(*made_before, f"study.budget.trials={trials}")
        assert said.code == 0, said.err
        config = settings_of(own_place, trials - 1)
        assert (config.trainer.keep, config.trainer.patience) == ("last", None)
        assert (config.likelihood.sigma, config.likelihood.lr_factor) == (1.0, 1.0)
        standing = Result.load(own_place / f"runs/former/trial-{trials - 1:04d}").standing
        assert standing is not None and standing.kept == "last"


def test_it_is_joined_and_looked_at_as_it_was_begun(
    betafront: Command, made_before: tuple[str, ...], own_place: Path
) -> None:
    said = betafront(*made_before, "study.budget.trials=2", "hydra.sweeper.dry_run=true")
    assert said.code == 0, said.err
    assert "1 of" in said.out


def test_another_setting_than_then_is_refused_where_it_is_asked_for(
    betafront: Command, made_before: tuple[str, ...]
) -> None:
    said = betafront(*made_before, "study.budget.trials=2", "trainer.keep=best")
    assert said.code == 2
    assert "with other settings (trainer.keep: last, now best)" in said.err


def test_likelihoods_that_are_searched_start_as_then(
    betafront: Command, fast: tuple[str, ...], own_place: Path
) -> None:
    searched = ("likelihood=gaussian,gaussian_per_image", "study.sampler=grid")
    objectives = "study.objectives=[val/rate,val/mse]"
    words = stored_as_before(betafront, own_place, *searched, objectives, *fast)
    said = betafront(*words, "study.budget.trials=2")
    assert said.code == 0, said.err
    config = settings_of(own_place, 1)
    assert (config.trainer.keep, config.likelihood.sigma) == ("last", 1.0)


def test_metrics_of_a_resumed_study_are_estimated_as_then(
    betafront: Command, fast: tuple[str, ...], own_place: Path
) -> None:
    slow = ("dci", "explicitness", "beta_vae_score", "factor_vae_score", "irs", "sap")
    few = ("data=sprites_small", "data.columns=4", "data.rows=4")
    structure = (*few, "likelihood=bernoulli", "metrics=disentanglement")
    of_data = [word for word in fast if not word.startswith("data.")]
    left_out = [f"~metrics.further.{name}" for name in slow]
    words = stored_as_before(
        betafront, own_place, "objective.weight=1,2", *structure, *left_out, *of_data
    )
    said = betafront(*words, "study.budget.trials=2")
    assert said.code == 0, said.err
    settings = [
        Result.load(own_place / f"runs/former/trial-{trial:04d}").settings for trial in (0, 1)
    ]
    # The first was trained today, and only then stored as before.
    assert [s["val/mig/estimator"] for s in settings] == ["neighbours", "bins"]
    assert settings[1]["val/modularity/estimator"] == "bins"


def test_values_of_other_settings_do_not_compare() -> None:
    def spec(name: str, **base: Any) -> Spec:
        goals = {"val/rate": "minimize", "val/mig": "maximize"}
        settings = {f"metrics.further.mig.{key}": value for key, value in base.items()}
        return Spec(name, "", goals, {}, "", settings, "random", 0, 1, 1, "", {})

    before, now = spec("before", bins=None), spec("now", bins=None, estimator="neighbours")
    said = before.comparable(now, before.objectives)
    assert "before and now have other values of val/mig" in said
    assert "metrics.further.mig.estimator=bins" in said
    assert before.comparable(now, ["val/rate"]) == ""
    assert before.comparable(spec("alike", bins=None), before.objectives) == ""
    assert now.comparable(spec("alike", bins=None, estimator="neighbours"), now.objectives) == ""
