"""`trainer.epochs`, another way to say how many optimiser steps a run takes."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from betafront.config.build import build, with_steps
from betafront.config.compose import compose
from betafront.config.saved import save, saved_config
from betafront.errors import UserError
from betafront.study.trials.origin import Confirms
from betafront.study.worker.confirming import confirming_overrides
from betafront.training import Run, Trainer

MakeRun = Callable[..., Run]
Command = Callable[..., Any]

SMALL = ("data.limit=200", "model.hidden=[8]", "trainer.accelerator=cpu", "trainer.batch_size=32")


def test_a_run_knows_its_steps_alone(make_run: MakeRun) -> None:
    trainer = make_run(trainer=Trainer(epochs=4, batch_size=32)).trainer
    assert (trainer.steps, trainer.epochs) == (4 * 3, None)
    with pytest.raises(UserError, match=r"trainer\.steps=30 and trainer\.epochs=4 both say"):
        Trainer(epochs=4, steps=30)


def test_what_refers_to_the_steps_refers_to_those_of_the_epochs(tmp_path: Path) -> None:
    words = [*SMALL, "trainer.epochs=4", "trainer.accumulate=2", "lr_schedule=cosine"]
    run = build(compose(words))
    assert run.trainer.steps == 4 * 1
    save(compose(words), tmp_path)
    kept = saved_config(tmp_path)
    assert (kept.trainer.steps, kept.trainer.epochs, kept.lr_schedule.T_max) == (4, None, 4)
    with pytest.raises(UserError, match=r"trainer\.steps=9 and trainer\.epochs=4 both say"):
        build(compose([*words, "trainer.steps=9"]))
    assert with_steps(compose([*words, "trainer.steps=null"])).trainer.steps == 4


def test_a_confirming_run_takes_a_multiple_of_the_steps() -> None:
    run, words = Confirms(trial=0, factor=2.0, seed=0, times=4), [*SMALL, "trainer.epochs=3"]
    longer = with_steps(compose(confirming_overrides(compose, words, run)))  # type: ignore[arg-type]
    assert longer.trainer.steps == 4 * 3 * 3


def test_it_is_said(betafront: Command, own_place: Path) -> None:
    said = betafront("train", *SMALL, "trainer.epochs=2", "hydra.run.dir=run")
    assert said.code == 0, said.err
    assert "trainer.epochs=2 is 6 optimiser steps, 3 per epoch" in said.out
    assert json.loads((own_place / "run/result.json").read_text())["standing"]["steps"] == 6
