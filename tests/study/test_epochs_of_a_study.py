"""A study whose runs are as long as `trainer.epochs` says."""

from dataclasses import replace
from typing import Any

import pytest
from optuna.trial import FrozenTrial, TrialState, create_trial
from tests.study.conftest import a_spec

from betafront.config.compose import compose
from betafront.front.decision.commands import longer
from betafront.study.confirm.cost import steps_of
from betafront.study.imports.import_from import refuse_other_runs
from betafront.study.results.table import facts
from betafront.study.search.space import Space
from betafront.study.spec import EPOCHS, STEPS, Spec
from betafront.study.spec_of_config import base
from betafront.study.trials.ours import RECORD
from betafront.study.trials.replicates import Record
from betafront.training.result import OnTheScale
from betafront.training.standing import Standing

WORDS = ["lr_schedule=cosine", "trainer.epochs=3"]


def of(epochs: int | None, steps: int | None, **more: Any) -> Spec:
    return a_spec(base={EPOCHS: epochs, STEPS: steps}, command=["trainer.epochs=3"], **more)


@pytest.mark.parametrize(
    ("words", "searched", "steps", "epochs"),
    [
        ([], "objective.weight=1,2", 1000, None),
        (["trainer.epochs=3"], "objective.weight=1,2", None, 3),
        ([], "trainer.epochs=3,4", None, ...),
        ([], "trainer.steps=3,4", ..., None),
    ],
)
def test_the_steps_are_known_with_the_data(
    words: list[str], searched: str, steps: Any, epochs: Any
) -> None:
    found = base(compose([*words, "lr_schedule=cosine"]), Space.parse([searched]))
    assert (found.get(STEPS, ...), found.get(EPOCHS, ...)) == (steps, epochs)
    assert found["lr_schedule.T_max"] == "${trainer.steps}"  # of each trial


def test_epochs_are_the_runs_of_as_many_steps_and_a_longer_study_is_one_of_more() -> None:
    assert not of(3, 30).other_runs(of(None, 30))
    assert of(3, None).other_runs(of(4, None))
    assert not refuse_other_runs(of(3, 30), of(None, 30))
    assert refuse_other_runs(of(6, 60), of(3, 30))


def test_the_command_for_more_steps_has_no_epochs_beside_them() -> None:
    command = longer(facts(of(3, 30), []), 30, 2)
    assert "trainer.steps=60" in command and "trainer.epochs=null" in command
    assert "trainer.epochs=3" not in command
    assert "trainer.epochs" not in longer(facts(replace(of(None, 30), command=[]), []), 30, 2)


def trial_of(*steps: int) -> FrozenTrial:
    stands = [Standing("settled", "", n, n, "last") for n in steps]
    first, *_ = [Record({}, OnTheScale.read({}), 1.0, "", standing=stand) for stand in stands]
    attrs = {RECORD: first.written()}
    return create_trial(state=TrialState.COMPLETE, values=[0.0, 0.0], user_attrs=attrs)


def test_a_confirmation_goes_by_the_steps_that_the_epochs_were() -> None:
    trial = trial_of(48)
    assert steps_of(of(3, 30), trial, [trial]) == 30
    assert steps_of(of(3, None), trial, [trial]) == 48
