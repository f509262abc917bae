"""Every metric by the name that users give it, and what is said where one cannot be had."""

import math
from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf

from betafront.data import Known
from betafront.errors import UserError
from betafront.metrics import evaluate
from betafront.metrics.registry import OF_MODEL, value_names
from betafront.metrics.structure import PROBES, STRUCTURE
from betafront.models import VAE, mlp
from betafront.objective import Bernoulli
from betafront.shipped import conf_dir

EVERY = [*OF_MODEL, *STRUCTURE, *PROBES]
SMALL = {"beta_vae_score": {"train_points": 40, "test_points": 40}, "iwae": {"draws": [1, 4]}}
CHOICES = sorted(path.stem for path in (conf_dir() / "metrics").glob("*.yaml"))


@pytest.fixture
def vae() -> VAE:
    torch.manual_seed(0)
    return mlp((1, 8, 8), Bernoulli(), latents=3, hidden=(8,))


def images(n: int = 400) -> torch.Tensor:
    return torch.rand(n, 1, 8, 8, generator=torch.Generator().manual_seed(1)).round()


def known(n: int = 400) -> Known:
    generator = torch.Generator().manual_seed(2)
    columns = [torch.randint(0, size, (n,), generator=generator) for size in (2, 4)]
    return Known(torch.stack(columns, 1), (False, True))


def test_all_together_no_value_hides_another(vae: VAE) -> None:
    names = EVERY
    plain = evaluate(vae, images(), seed=3)
    further = {name: SMALL.get(name) for name in names}
    every = evaluate(vae, images(), further=further, known=known(), seed=3)
    each = [evaluate(vae, images(), further={name: SMALL.get(name)}, known=known(), seed=3)
            for name in names]  # fmt: skip
    assert len(every.values) == len(plain.values) + sum(
        len(one.values) - len(plain.values) for one in each
    )
    for one in [plain, *each]:
        assert one.values.items() <= every.values.items()
    assert list(every.seconds) == names
    assert every.settings["iwae/examples"] == 400
    assert every.settings["sap/ordinal"] == "1"  # as the data says


def test_settings_reach_the_metric(vae: VAE) -> None:
    found = evaluate(vae, images(20), further={"iwae": {"draws": [1, 2, 6]}})
    assert {"iwae_1", "iwae_2", "iwae_6"} <= set(found.values)


def test_a_probe_of_several_factors_is_their_mean(vae: VAE) -> None:
    values, factors = known()
    both, *each = (
        evaluate(
            vae, images(), further={"linear_probe": {}}, known=Known(values[:, which], factors)
        ).values["linear_probe"]
        for which in ([0, 1], [0], [1])
    )
    assert both == pytest.approx(sum(each) / 2)


def test_a_seed_of_its_own(vae: VAE) -> None:
    one, other, plain = (
        evaluate(vae, images(50), further={"prior_gap": settings}).values["mmd"]
        for settings in ({"seed": 0}, {"seed": 1}, {})
    )
    assert one == plain != other


def test_the_values_are_known_before_anything_is_trained(vae: VAE) -> None:
    further = {name: SMALL.get(name) for name in EVERY}
    plain = set(evaluate(vae, images(20)).values)
    every = set(evaluate(vae, images(), further=further, known=known()).values)
    assert value_names(further, vae, images(2), known()) == every - plain


def test_each_metric_is_announced_as_it_begins(vae: VAE) -> None:
    announced: list[str] = []
    further = {"prior_gap": {}, "mig": {}, "linear_probe": {}}
    evaluate(vae, images(), further=further, known=known(), announce=announced.append)
    assert announced == list(further)
    value_names(further, vae, images(2), known(), announced.append)
    assert announced == 2 * list(further)
    with pytest.raises(UserError):
        evaluate(
            vae, images(), further={"iwae": {}, "migg": {}, "sap": {}}, announce=announced.append
        )
    assert announced[-2:] == ["iwae", "migg"]


def test_a_diverged_model_has_no_further_metrics(vae: VAE) -> None:
    with torch.no_grad():
        next(vae.encoder.parameters()).fill_(math.nan)
    assert not evaluate(vae, images(), further={"mig": {}}, known=known()).seconds


WRONG = {
    "a misspelt name": ({"migg": {}}, "there is no such metric: did you mean 'mig'"),
    "a misspelt setting": ({"dci": {"tree": 3}}, "'tree'"),
    "a setting that cannot be": ({"iwae": {"draws": [3, 2]}}, "iwae.draws"),
    "no pair of examples": ({"prior_gap": {"examples": 1}}, "2 examples or more, not 1"),
    "no example": ({"likeness": {"examples": 0}}, "give 1 or more"),
    "too few examples": ({"factor_vae_score": {"examples": 399}}, "399 are needed"),
}


@pytest.mark.parametrize("name", sorted(WRONG))
def test_what_is_wrong_is_said_with_the_name_of_the_metric(vae: VAE, name: str) -> None:
    further, words = WRONG[name]
    with pytest.raises(UserError) as said:
        evaluate(vae, images(), further=further, known=known())
    assert words in str(said.value)
    assert f"metrics.further.{next(iter(further))}" in str(said.value)


@pytest.mark.parametrize("name", [*STRUCTURE, *PROBES])
def test_without_factors_the_data_is_named_that_has_some(vae: VAE, name: str) -> None:
    with pytest.raises(UserError, match="sprites_small"):
        evaluate(vae, images(10), further={name: {}})


def test_every_choice_of_metrics_names_what_there_is() -> None:
    assert CHOICES == ["all", "disentanglement", "fast", "latent", "probes"]
    for choice in CHOICES:
        further = OmegaConf.load(conf_dir() / "metrics" / f"{choice}.yaml").get("further") or {}
        assert set(further) <= set(EVERY)


def test_a_run_with_known_factors_is_measured(betafront, own_place: Path) -> None:
    said = betafront(
        "train", "data=sprites_small", "data.limit=1500", "likelihood=bernoulli",
        "metrics=disentanglement", "~metrics.further.explicitness", "trainer.steps=5",
        "metrics.further.factor_vae_score.examples=16", "hydra.run.dir=run",
        "metrics.further.beta_vae_score.train_points=50", "metrics.further.dci.trees=4",
    )  # fmt: skip
    assert said.code == 0, said.err
    assert "mig" in said.out
    assert "seconds that further metrics took" in said.out


def test_nothing_is_trained_that_cannot_be_measured(betafront, own_place: Path) -> None:
    said = betafront("train", "metrics=disentanglement", "hydra.run.dir=run")
    assert said.code == 2
    (line,) = said.err.strip().splitlines()
    assert "metrics.further" in line and "2" in line
    assert not (own_place / "run/result.json").exists()


def test_the_test_split_too_must_have_examples_enough(betafront, own_place: Path) -> None:
    said = betafront("train", "metrics=probes", "data.test=0.01", "hydra.run.dir=run")
    assert said.code == 2
    assert "linear_probe" in said.err
