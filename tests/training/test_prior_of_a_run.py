"""Runs with a prior that is learned: what they find, what they say of it, and what they leave."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.support.models import LearnedPrior

from betafront.config.build import build, check
from betafront.config.compose import compose
from betafront.errors import UserError
from betafront.front.show.standings import in_words
from betafront.metrics.decomposition import decomposition
from betafront.metrics.iwae import iwae
from betafront.metrics.prior_gap import prior_gap
from betafront.models import VAE, GaussianPrior, Shape, VampPrior, mlp, model_cautions
from betafront.objective import Likelihood
from betafront.training import Run, Trainer, fit_one
from betafront.training.pictures.latent_map import LatentMap

MakeRun = Callable[..., Run]

ARCHITECTURE = partial(mlp, latents=2, hidden=(16,))


def as_documented(shape: Shape, likelihood: Likelihood) -> VAE:
    """The model with a learned prior that the docstring of `VAE` writes out."""
    made = ARCHITECTURE(shape, likelihood)
    model = LearnedPrior(made.encoder, made.decoder, likelihood, made.latents)
    model.mean.data.zero_()
    model.log_var.data.zero_()
    return model


def test_a_gaussian_prior_has_the_bits_of_the_documented_subclass(
    make_run: MakeRun, tmp_path: Path
) -> None:
    one = fit_one(make_run(make_prior=GaussianPrior), tmp_path / "one")
    other = fit_one(make_run(architecture=as_documented), tmp_path / "other")
    assert one.metrics == other.metrics
    assert one.history == other.history
    assert "val/rate" not in one.settings  # it has a closed form
    assert one.standing.rate_error is None
    assert fit_one(make_run(), tmp_path / "plain").metrics != one.metrics


@pytest.fixture(scope="module")
def vamp(make_run: MakeRun, tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Any, VAE]:
    """A run with an average of its weights, its result, and its model as it was saved."""
    from safetensors.torch import load_file

    folder = tmp_path_factory.mktemp("vamp")
    trainer = Trainer(steps=30, batch_size=32, accelerator="cpu", ema=0.9, keep="last")
    run = make_run(trainer=trainer, make_prior=partial(VampPrior, components=20))
    result, model = fit_one(run, folder), run.vae()
    model.load_state_dict(load_file(folder / "model.safetensors"))
    return run, result, model.eval()


def test_pseudo_inputs_are_training_examples_to_begin_with_and_are_learned(
    vamp: tuple[Run, Any, VAE],
) -> None:
    run, _, model = vamp
    fresh = run.vae()
    fresh.start_from(run.drawn)
    start, end = (m.get_parameter("p_z.pseudo_inputs") for m in (fresh, model))
    training = run.data.examples("train")
    assert all((training == each).flatten(1).all(1).any() for each in start)
    assert not run.drawn(20).equal(training[:20])
    assert float((end - start).abs().max()) > 0.02
    assert float(end.min()) >= 0
    assert float(end.max()) <= 1


def test_a_sampled_rate_says_so_and_agrees_with_iwae(vamp: tuple[Run, Any, VAE]) -> None:
    run, result, model = vamp
    assert result.settings["val/rate"] == result.settings["test/rate"] == "sampled"
    error = result.standing.rate_error
    assert error == result.settings["val/rate_error"]
    assert "rate R is sampled" in model_cautions(run.vae())[0]
    assert sum(result.spectrum) == pytest.approx(result.metrics["val/rate"], rel=1e-6)
    x = run.data.examples("val")
    score = iwae(model, x, draws=(1, 10, 100))
    bounds = list(score.values.values())
    assert bounds == sorted(bounds, reverse=True)
    # Both of the same examples: what differs is the noise, of 8 draws and of 100 of each example.
    with torch.no_grad():
        terms = [model(x, torch.Generator().manual_seed(seed)) for seed in range(30)]
    spread = float(torch.stack([t.distortion + t.rate for t in terms]).mean(1).std())
    of_rate = float(torch.stack([t.rate for t in terms]).mean(1).std())
    # A standard deviation of 30 is off by an eighth, and the error is that of 8 draws of each.
    assert error == pytest.approx(of_rate / 8**0.5, rel=0.4)
    assert bounds[0] == pytest.approx(result.metrics["val/negative_elbo"], abs=4 * spread)
    assert spread < 0.5


def test_the_prior_comes_to_the_aggregate_posterior(vamp: tuple[Run, Any, VAE]) -> None:
    run, _, model = vamp
    x = run.data.examples("train")
    standard = VAE(model.encoder, model.decoder, model.likelihood, model.latents)
    gap, to_standard = (prior_gap(m, x).values["mmd"] for m in (model, standard))
    assert gap < to_standard
    with pytest.raises(UserError, match=r"prior is N\(0, 1\), .* another model or prior"):
        decomposition(model, x)


def test_the_pictures_draw_no_circle_of_another_prior(vamp: tuple[Run, Any, VAE]) -> None:
    _, result, _ = vamp
    assert not LatentMap.load(Path(result.folder)).standard_prior
    assert (Path(result.folder) / "pictures/samples.png").is_file()


def test_a_traversal_goes_over_what_the_prior_covers(make_run: MakeRun) -> None:
    from betafront.data.images.pictures import traversals

    class Seen(VAE):
        def decode(self, z: torch.Tensor) -> torch.Tensor:
            return z

    made = ARCHITECTURE((1, 8, 8), make_run().likelihood())
    model = Seen(made.encoder, made.decoder, made.likelihood, 2)
    x = torch.rand(1, 1, 8, 8)
    outcome = partial(dict)  # has what is read of a result
    outcome.spectrum, outcome.seed = [2.0, 1.0], 0
    with torch.no_grad():
        plain = traversals(model, x, outcome, steps=3)
        model.set_prior(GaussianPrior, (1, 8, 8))
        model.p_z.mean.data.fill_(5.0)
        moved = traversals(model, x, outcome, steps=3)
    assert plain[:3, 0].tolist() == [-3, 0, 3]
    assert moved[:3, 0] == pytest.approx([2, 5, 8], abs=0.3)  # of 1,000 draws
    assert plain[:3, 1].equal(moved[:3, 1])


# --- by its name ----------------------------------------------------------------------------------

WORDS = ("data.limit=200", "model.hidden=[8]", "trainer.steps=12", "trainer.accelerator=cpu")


def test_a_prior_that_cannot_be_is_refused_before_training() -> None:
    for words, says in (
        (("prior=vamp",), "prior.components=500 .* there are 120: take prior.components=120"),
        (("prior=vamp", "prior.components=1.5"), "a whole number of at least 1, not 1.5"),
        (("prior=vamp", "prior.components=9", "shaping=capacity"), "another model or prior"),
        (("prior=gaussian", "penalty=[mmd]"), "another model or prior"),
    ):
        with pytest.raises(UserError, match=says):
            check(build(compose([*WORDS, *words])))


STUDY = """
study:
  name: s
  space:
    prior: choice(gaussian, vamp)
    prior=vamp:
      prior.components: choice(4, 9)
  sampler: grid
  budget: {trials: 3}
"""


def test_a_prior_is_searched_exported_and_evaluated(
    betafront: Callable[..., Any], own_place: Path
) -> None:
    import betafront as bf

    (own_place / "studies/priors").mkdir(parents=True)
    (own_place / "studies/priors/study.yaml").write_text(f"# @package _global_{STUDY}")
    said = betafront("sweep", "study=priors", "hydra/launcher=basic", "tracking=off", *WORDS)
    assert said.code == 0, said.err
    assert "rate R is sampled" in said.out
    study = bf.study("s")
    trials = study.trials.set_index("trial")
    assert sorted(trials["prior.components"].dropna()) == [4, 9]
    (vamp,) = trials.index[trials["prior.components"] == 9]
    assert (trials["rate_error"].notna() == trials["prior.components"].notna()).all()
    row = {str(key): value for key, value in trials.loc[vamp].items()}
    assert f"R is sampled, ± {row['rate_error']:.2g} nats" in in_words(row)
    loaded = bf.load(study.export(at=int(vamp), to="exported"))
    assert loaded.vae.get_parameter("p_z.pseudo_inputs").shape == (9, 1, 8, 8)
    assert loaded.sample(5, seed=0).equal(study.model(int(vamp)).sample(5, seed=0))
    metrics = "+metrics.further={iwae: {draws: [1]}, prior_gap: {}}"
    said = betafront("evaluate", "s", metrics, "--trial", str(vamp))
    assert said.code == 0, said.err
    result = json.loads((own_place / f"runs/s/trial-{vamp:04d}/result.json").read_text())
    assert result["settings"]["val/rate"] == "sampled"
    assert {"val/iwae_1", "test/mmd"} < set(result["metrics"])
