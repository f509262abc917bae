"""D and R have one definition: models with other priors and layers, from training to the front."""

import json
import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from mlflow import MlflowClient
from tests.support.models import UNFACTORISED, LearnedPrior, learned_prior, mixture_prior
from torch import Tensor
from torch.distributions import Categorical, MixtureSameFamily, MultivariateNormal, Normal

from betafront.config.build import check
from betafront.data import Images, digits
from betafront.errors import UserError
from betafront.metrics import evaluate
from betafront.metrics.decomposition import decomposition
from betafront.metrics.iwae import iwae
from betafront.metrics.prior_gap import prior_gap
from betafront.metrics.stationary_beta import stationary_beta
from betafront.models import VAE, Architecture, Model, Posterior, mlp, write_programs
from betafront.objective import (
    Bernoulli,
    Capacity,
    Draw,
    FreeBits,
    Gaussian,
    Objective,
    TotalCorrelation,
    normalisation,
)
from betafront.study.lookup import find_study
from betafront.study.results.table import table
from betafront.training import Result, Run, Trainer, fit_one

STEPS = 90
every_model = pytest.mark.parametrize("name", UNFACTORISED)


@pytest.fixture(scope="module")
def images() -> Images:
    return digits(limit=200)


def a_run(images: Images, architecture: Architecture, **changed: Any) -> Run:
    weighting = {key: changed.pop(key) for key in ("penalties", "shaping") if key in changed}
    parts: dict[str, Any] = {
        "data": images,
        "architecture": architecture,
        "likelihood": partial(Gaussian, momentum=0.8),
        "make_objective": partial(Objective, 0.3, normalisation("sum"), **weighting),
        "make_optimizer": partial(torch.optim.Adam, lr=1e-2),
        "trainer": Trainer(steps=STEPS, batch_size=32, accelerator="cpu"),
        "evaluate": evaluate,
        "seed": 0,
    }
    return Run(**(parts | changed))


@pytest.fixture(scope="module")
def trained(
    images: Images, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], tuple[Result, Model]]:
    """The result of a run and its model, trained once for each name."""
    found: dict[str, tuple[Result, Model]] = {}

    def of(name: str) -> tuple[Result, Model]:
        if name not in found:
            from safetensors.torch import load_file

            folder = tmp_path_factory.mktemp(name.replace(" ", "-"))
            run = a_run(images, UNFACTORISED[name])
            result, model = fit_one(run, folder), run.vae()
            model.load_state_dict(load_file(folder / "model.safetensors"))
            found[name] = result, model.eval()
        return found[name]

    return of


def last(result: Result, name: str) -> float:
    """Of the last validation before the end, which draws z once per example."""
    (key,) = (k for k in result.history[-1] if k.startswith("val") and k.endswith(f"/{name}"))
    return result.history[-1][key]


# --- one definition -------------------------------------------------------------------------------


@every_model
def test_the_history_the_result_and_the_terms_agree(
    name: str, trained: Callable[[str], tuple[Result, Model]], images: Images
) -> None:
    result, model = trained(name)
    assert result.history[-1]["step"] == STEPS
    with torch.no_grad():
        generator = torch.Generator().manual_seed(7)
        terms = [model(images.val, generator) for _ in range(200)]
    for part, each in (
        ("rate", torch.stack([t.rate for t in terms]).double().mean(1)),
        ("distortion", torch.stack([t.distortion for t in terms]).double().mean(1)),
    ):
        spread = float(each.std()) + 1e-5  # over draws of the noise; a closed form has none
        value = result.metrics[f"val/{part}"]
        assert last(result, part) == pytest.approx(float(each.mean()), abs=5 * spread)
        assert value == pytest.approx(float(each.mean()), abs=5 * spread)
        assert 5 * spread < 2  # which says something: the rate against N(0, 1) is off by more
    assert sum(result.spectrum) == pytest.approx(result.metrics["val/rate"], rel=1e-9)
    assert len(result.spectrum) == model.latents == sum(model.widths)


def test_a_learned_prior_has_learned(
    trained: Callable[[str], tuple[Result, Model]], images: Images
) -> None:
    """So that a rate against N(0, 1) would be another by far."""
    result, model = trained("learned prior")
    posterior = model.encode(images.val)
    standard = float(posterior.kl().sum(1).mean().detach())
    assert abs(standard - result.metrics["val/rate"]) > 2
    assert float((model.get_parameter("mean") - 2).abs().max()) > 0.01


@every_model
def test_one_draw_of_iwae_is_the_elbo_and_more_draws_lower_it(
    name: str, trained: Callable[[str], tuple[Result, Model]], images: Images
) -> None:
    result, model = trained(name)
    score = iwae(model, images.val, draws=(1, 10, 100))
    bounds = list(score.values.values())
    assert bounds == sorted(bounds, reverse=True)
    assert bounds[0] - bounds[-1] > 0.01
    # Over the draws alone: the examples are the same as those of D + R.
    again = [iwae(model, images.val, draws=(1,), seed=s).values["iwae_1"] for s in range(1, 21)]
    spread = float(torch.tensor(again, dtype=torch.float64).std())
    elbo = result.metrics["val/negative_elbo"]
    assert sum(again) / 20 == pytest.approx(elbo, abs=4 * spread * math.sqrt(1 / 20 + 1 / 8))
    assert bounds[0] == pytest.approx(elbo, abs=float(score.detail["standard_error"][0]))


@every_model
def test_the_log_ratio_is_the_rate_on_average_and_draws_lie_side_by_side(
    name: str, trained: Callable[[str], tuple[Result, Model]], images: Images
) -> None:
    _, model = trained(name)
    x, k = images.val[:3], 2000
    with torch.no_grad():
        draw = model.infer(x, torch.Generator().manual_seed(0), draws=k, log_ratio=True)
    assert draw.z.shape == draw.kl.shape == (3 * k, model.latents)
    assert draw.log_ratio is not None
    assert draw.log_ratio.dtype == torch.float64
    rates, ratios = draw.kl.sum(1).double().view(3, k), draw.log_ratio.view(3, k)
    error = (rates + ratios).std(1) / math.sqrt(k)
    assert ((rates + ratios).mean(1).abs() <= 4 * error + 1e-5).all()
    centres = draw.z.view(3, k, -1).mean(1)
    assert float((centres[0] - centres[1]).abs().max()) > 0.05  # of examples that differ


@every_model
def test_the_optimal_scale_is_learned(
    name: str, trained: Callable[[str], tuple[Result, Model]]
) -> None:
    result, _ = trained(name)
    assert result.scale.sigma == pytest.approx(math.sqrt(result.metrics["val/mse"]), rel=0.1)


def test_a_mixture_s_density_is_that_of_the_library() -> None:
    model = mixture_prior((1, 8, 8), Gaussian())
    z = 3 * torch.randn(50, 3, generator=torch.Generator().manual_seed(0))
    means = model.mixture.detach()
    expected = MixtureSameFamily(
        Categorical(logits=torch.zeros(4)), MultivariateNormal(means, torch.eye(3))
    ).log_prob(z)
    torch.testing.assert_close(model.log_prior(z).detach(), expected, rtol=1e-5, atol=1e-5)
    draws = model.prior(20_000, torch.Generator().manual_seed(1)).detach()
    # The variance of each dimension is below 1 + 3², so four errors are below 0.1.
    torch.testing.assert_close(draws.mean(0), means.mean(0), rtol=0, atol=0.1)


@every_model
def test_the_distance_of_the_prior_is_to_the_model_s_own(
    name: str, trained: Callable[[str], tuple[Result, Model]], images: Images
) -> None:
    _, model = trained(name)
    own = prior_gap(model, images.train).values["mmd"]
    assert math.isfinite(own)
    if name == "learned prior":  # N(2, e^-1) to begin with
        posterior = model.encode(images.train)
        parts = model.encoder, model.decoder, model.likelihood, model.latents
        standard = prior_gap(VAE(*parts), images.train).values["mmd"]  # type: ignore[arg-type]
        assert standard > own + 0.05
        assert posterior.mean.shape == (len(images.train), 3)


# --- refusals -------------------------------------------------------------------------------------


@every_model
def test_what_needs_a_factorised_posterior_refuses_in_one_line(
    name: str, images: Images, tmp_path: Path
) -> None:
    model = UNFACTORISED[name](images.shape, Gaussian())
    assert not model.factorised
    refusals: list[Callable[[], Any]] = [
        lambda: decomposition(model, images.val),
        lambda: stationary_beta(model, images.val),
        lambda: write_programs(model, images.shape, tmp_path),
    ]
    for refused in refusals:
        with pytest.raises(UserError, match=r"posterior is a diagonal Gaussian") as caught:
            refused()
        assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "weighting",
    [{"penalties": [TotalCorrelation(1.0)]}, {"shaping": Capacity(3.0)}],
    ids=str,
)
def test_penalties_and_weights_that_are_no_beta_are_refused_before_training(
    weighting: dict[str, Any], images: Images, tmp_path: Path
) -> None:
    run = a_run(images, learned_prior, **weighting)
    with pytest.raises(UserError, match=r"posterior is a diagonal Gaussian"):
        check(run)
    rows: list[Any] = []
    with pytest.raises(UserError, match=r"posterior is a diagonal Gaussian"):
        fit_one(run, tmp_path, report=rows.append)
    assert not rows


def test_free_bits_of_such_a_model_have_the_written_beta(images: Images, tmp_path: Path) -> None:
    shaping, trainer = FreeBits(1.0, "layer"), Trainer(steps=6, batch_size=32, accelerator="cpu")
    result = fit_one(
        a_run(images, UNFACTORISED["ladder"], shaping=shaping, trainer=trainer), tmp_path
    )
    assert result.scale.beta == 0.3
    assert result.scale.beta_spread is None
    assert result.standing is not None
    assert "the β of the model could not be read from it" in result.standing.reason


def test_a_metric_is_refused_before_training(images: Images) -> None:
    run = a_run(images, learned_prior, evaluate=partial(evaluate, further={"decomposition": {}}))
    with pytest.raises(UserError, match=r"metrics\.further\.decomposition: .*diagonal Gaussian"):
        run.metric_names()


def test_a_second_definition_cannot_be_written() -> None:
    with pytest.raises(UserError, match="overrides forward or infer"):
        type("Mine", (VAE,), {"forward": lambda self, x: None})
    for own in ({"kl": None}, {"log_prior": None}, {"prior": None}, {"kl": None, "prior": None}):
        with pytest.raises(UserError, match="needs both log_prior and prior"):
            type("Mine", (VAE,), own)


# --- what a subclass may override -----------------------------------------------------------------


class Blurred(VAE):
    """Its own log p(x|z), which training must read too."""

    def log_px(self, z: Tensor, x: Tensor) -> Tensor:
        return Normal(self.decode(z), 3.0).log_prob(x).flatten(1).sum(1)


def test_an_overridden_log_px_is_what_training_and_evaluation_read() -> None:
    torch.manual_seed(0)
    plain = mlp((1, 8, 8), Gaussian(mode="fixed"), latents=3, hidden=(8,))
    model = Blurred(plain.encoder, plain.decoder, plain.likelihood, 3)
    x = torch.rand(20, 1, 8, 8)
    draw = model.infer(x, torch.Generator().manual_seed(0))
    terms = model(x, torch.Generator().manual_seed(0), mse=True)
    expected = Normal(plain.decode(draw.z), 3.0).log_prob(x).flatten(1).sum(1)
    torch.testing.assert_close(terms.log_px, expected)
    torch.testing.assert_close(terms.mse, ((plain.decode(draw.z) - x) ** 2).flatten(1).mean(1))
    assert model.factorised
    found = evaluate(model, x, samples=1).values["distortion"]
    assert found == pytest.approx(float(terms.distortion.mean()), rel=0.2)
    assert found > 1.5 * evaluate(plain, x, samples=1).values["distortion"]


class Least(Model):
    """As little as a model can say: one latent that copies the mean of x, with no noise in p."""

    def __init__(self) -> None:
        super().__init__(1)
        self.likelihood = Bernoulli(grey=True)

    def draw(
        self,
        encoded: Tensor,
        noise: torch.Generator | None = None,
        *,
        draws: int = 1,
        log_ratio: bool = False,
    ) -> Draw:
        q = Posterior(self.means(encoded), torch.zeros(len(encoded), 1)).repeated(draws)
        z = q.sample(noise)
        ratio = 0.5 * ((z - q.mean) ** 2 - z**2).double().sum(1) if log_ratio else None
        return Draw(z, q.kl(), ratio)

    def means(self, encoded: Tensor) -> Tensor:
        return encoded.flatten(1).mean(1, keepdim=True)

    def prior(self, n: int, noise: torch.Generator | None = None) -> Tensor:
        return torch.randn(n, 1, generator=noise)

    def decode(self, z: Tensor) -> Tensor:
        return z.sigmoid().unsqueeze(-1).unsqueeze(-1).expand(-1, 1, 1, 5)

    def log_px(self, z: Tensor, x: Tensor) -> Tensor:
        return self.likelihood.log_prob(torch.logit(self.decode(z)), x)


def test_the_least_that_a_model_gives_is_enough() -> None:
    x = torch.rand(400, 1, 1, 5, generator=torch.Generator().manual_seed(0))
    model = Least()
    values = evaluate(model, x, further={"iwae": {"draws": [1, 10]}, "prior_gap": {}}).values
    mean = x.flatten(1).mean(1)
    assert values["rate"] == pytest.approx(float(0.5 * (mean**2).mean()), rel=1e-5)
    assert values["iwae_1"] == pytest.approx(values["negative_elbo"], abs=0.2)
    assert values["iwae_10"] < values["iwae_1"]
    assert model(x).log_px.shape == (400,)
    assert model.reconstruct(x).shape == x.shape


def test_the_widths_of_layers_are_the_model_s() -> None:
    model = UNFACTORISED["two layers"]((1, 8, 8), Gaussian())
    assert model.widths == (3, 2)
    assert model.latents == 5
    assert mlp((1, 8, 8), Gaussian(), latents=4).widths == (4,)


def test_a_generator_on_the_cpu_gives_the_same_draws_whatever_the_draws_before() -> None:
    model = mlp((1, 8, 8), Gaussian(), latents=4)
    x = torch.rand(6, 1, 8, 8)
    one = model.infer(x, torch.Generator().manual_seed(1), draws=3)
    again = model.draw(model.encode(x), torch.Generator().manual_seed(1), draws=3)
    assert torch.equal(one.z, again.z)
    assert one.code is not None
    assert torch.equal(one.code.mean[0], one.code.mean[2])


def test_the_likelihood_learns_under_a_functional_call() -> None:
    """Parameters and buffers that are given to a call are all that it reads, and it writes none."""
    torch.manual_seed(0)
    model = mlp((1, 8, 8), Gaussian(mode="optimal"), latents=3, hidden=(8,)).train()
    x = torch.rand(30, 1, 8, 8)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    noise = torch.Generator().manual_seed(1)
    terms = torch.func.functional_call(model, model.state_dict(), (x, noise))
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name
    model.remember(terms.statistic)
    error = model(x, torch.Generator().manual_seed(1), mse=True).mse.mean()
    assert model.likelihood.sigma == pytest.approx(math.sqrt(float(error)), rel=1e-3)


# --- a sweep --------------------------------------------------------------------------------------


def test_a_sweep_shows_one_number_everywhere(
    betafront: Callable[..., Any], own_place: Path
) -> None:
    (own_place / "conf/model").mkdir(parents=True)
    (own_place / "conf/model/mine.yaml").write_text(
        "_target_: tests.support.models.learned_prior\n_partial_: true\nlatents: 3\n"
    )
    said = betafront(
        "sweep", "study.name=s", "objective.weight=0.5,2", "study.sampler=grid", "model=mine",
        "study.budget.trials=2", "trainer.steps=30", "data.limit=200", "hydra/launcher=basic",
    )  # fmt: skip
    assert said.code == 0, said.err
    study, spec = find_study("s")
    trials = study.get_trials()
    rows = table(trials, ())
    client = MlflowClient(f"sqlite:///{own_place}/runs/mlflow.db")
    experiment = client.get_experiment_by_name("s")
    assert experiment is not None
    shown = {
        run.data.tags["trial"]: run.data.metrics
        for run in client.search_runs([experiment.experiment_id])
        if run.data.tags["role"] == "trial"
    }
    assert len(rows) == 2
    for trial, row in zip(trials, rows.to_dict("records"), strict=True):
        folder = own_place / "runs/s" / f"trial-{trial.number:04d}"
        result = json.loads((folder / "result.json").read_text())
        for part in ("rate", "distortion", "negative_elbo"):
            value = result["metrics"][f"val/{part}"]
            assert row[f"val/{part}"] == value
            assert shown[str(trial.number)][f"val/{part}"] == value
        stored = dict(zip(spec.objectives, trial.values, strict=True))
        assert set(stored) == {"val/rate", "val/distortion"}
        assert stored == {key: result["metrics"][key] for key in stored}


def test_the_prior_of_a_saved_model_is_its_own() -> None:
    model = learned_prior((1, 8, 8), Gaussian())
    assert isinstance(model, LearnedPrior)
    draws = model.prior(20_000, torch.Generator().manual_seed(0)).detach()
    torch.testing.assert_close(draws.mean(0), torch.full((3,), 2.0), rtol=0, atol=0.02)
    torch.testing.assert_close(draws.var(0), torch.full((3,), math.exp(-1)), rtol=0.05, atol=0)
