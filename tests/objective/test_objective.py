"""The loss: the same gradient direction in every convention, and what was in force."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from betafront.errors import UserError
from betafront.models import VAE, mlp
from betafront.objective import (
    DIP,
    GECO,
    MMD,
    NORMALISATIONS,
    Capacity,
    Code,
    Constant,
    ControlVAE,
    Draw,
    FreeBits,
    Gaussian,
    Linear,
    Objective,
    Terms,
    TotalCorrelation,
    normalisation,
)

PROGRESS = (0.0, 0.25, 0.5, 1.0)
N, M, BETA = 16, 3, 2.5


@pytest.fixture
def vae() -> VAE:
    torch.manual_seed(0)
    likelihood = Gaussian(sigma=0.5, mode="fixed")
    return mlp((1, 4, 4), likelihood, latents=M, hidden=(8,)).double()


def terms_of(vae: VAE) -> Terms:
    """The terms of the same images with the same noise, whenever it is asked."""
    generator = torch.Generator().manual_seed(1)
    x = torch.rand(7, 1, 4, 4, generator=generator, dtype=torch.float64)
    terms: Terms = vae(x, generator)
    return terms


def gradient(vae: VAE, loss: Tensor) -> Tensor:
    return torch.cat([g.flatten() for g in torch.autograd.grad(loss, list(vae.parameters()))])


@pytest.mark.parametrize("progress", [0.0, 0.2, 1.0])
@pytest.mark.parametrize("name", sorted(NORMALISATIONS))
def test_same_gradient_direction_after_translation(vae: VAE, name: str, progress: float) -> None:
    convention = normalisation(name)
    objective = Objective(
        convention.weight(BETA, N, M), convention, pixels=N, latents=M, schedule=Linear(warmup=0.4)
    )
    written = gradient(vae, objective.loss(terms_of(vae), progress))
    terms = terms_of(vae)
    in_force = {0.0: 0.0, 0.2: BETA / 2, 1.0: BETA}[progress]
    canonical = gradient(vae, (terms.distortion + in_force * terms.kl.sum(1)).mean())

    assert canonical.norm() > 1  # there is a direction to compare
    cosine = torch.nn.functional.cosine_similarity(written, canonical, dim=0)
    assert float(cosine) == pytest.approx(1, abs=1e-12)  # float64
    factor = 1 / N if name in ("mean", "pixel_mean") else 1.0
    # float64, summed in another order; small entries against the size of the large ones
    torch.testing.assert_close(
        written, factor * canonical, rtol=1e-11, atol=1e-13 * float(canonical.norm())
    )


def test_where_a_run_stands_on_the_scale() -> None:
    objective = Objective(0.1, normalisation("mean"), pixels=784, latents=20)
    assert objective.beta == pytest.approx(3.92, rel=1e-14)  # float64 rounding
    assert objective.beta_norm == pytest.approx(0.1, rel=1e-14)


def test_the_schedule_scales_beta_and_not_what_is_reported() -> None:
    objective = Objective(3.0, normalisation("sum"), 784, 20, schedule=Linear(warmup=0.5))
    terms = Terms(log_px=torch.zeros(2), kl=torch.ones(2, 20))
    in_force = [float(objective.step(terms, p, objective.start()).beta) for p in PROGRESS]
    assert in_force == [0.0, 1.5, 3.0, 3.0]
    assert objective.beta == 3.0


def test_the_loss_is_a_mean_over_the_batch_of_sums_over_the_rest() -> None:
    terms = Terms(log_px=torch.tensor([-10.0, -30.0]), kl=torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    assert terms.distortion.tolist() == [10, 30]
    assert terms.rate.tolist() == [3, 7]
    objective = Objective(2.0, normalisation("sum"), pixels=4, latents=2)
    assert float(objective.loss(terms, 1.0)) == (10 + 2 * 3 + 30 + 2 * 7) / 2


@pytest.mark.parametrize("weight", [-1.0, math.inf, math.nan])
def test_a_weight_that_is_none_is_refused(weight: float) -> None:
    with pytest.raises(UserError, match=r"objective\.weight must be finite and not negative"):
        Objective(weight, normalisation("sum"), pixels=4, latents=2)


# --- controllers ----------------------------------------------------------------------------------

TERMS = Terms(
    log_px=torch.tensor([-10.0, -30.0]),
    kl=torch.tensor([[1.0, 2.0], [3.0, 4.0]]),  # a rate of 5
    mse=torch.tensor([0.1, 0.3]),
)


@pytest.mark.parametrize("name", sorted(NORMALISATIONS))
def test_a_controller_begins_with_the_written_weight_and_sets_the_next(name: str) -> None:
    convention = normalisation(name)
    controller = ControlVAE(4.0, kp=0.5, ki=0.1)
    objective = Objective(convention.weight(BETA, 4, 2), convention, 4, 2, controller=controller)
    first = objective.step(TERMS, 0.0, objective.start())
    factor = convention.weights(1.0, 4, 2).distortion
    # float32
    assert float(first.beta) == pytest.approx(BETA, rel=1e-6)
    assert float(first.loss) == pytest.approx(factor * (20 + BETA * 5), rel=1e-6)
    # An error of -1: K_i more, and what the proportional part has beyond its half.
    next_beta = BETA + 0.1 + 0.5 * (1 / (1 + math.exp(-1)) - 0.5)
    second = objective.step(TERMS, 0.5, first.state)
    assert float(second.beta) == pytest.approx(next_beta, rel=1e-6)
    assert float(second.loss) == pytest.approx(factor * (20 + next_beta * 5), rel=1e-6)


def test_a_controller_does_not_let_gradients_through() -> None:
    kl = TERMS.kl.clone().requires_grad_()
    objective = Objective(1.0, normalisation("sum"), 4, 2, controller=ControlVAE(4.0))
    step = objective.step(TERMS._replace(kl=kl), 0.0, objective.start())
    assert step.loss.requires_grad
    assert not step.state.requires_grad
    assert not step.beta.requires_grad
    assert torch.autograd.grad(step.loss, kl)[0].tolist() == [[0.5, 0.5], [0.5, 0.5]]


def test_a_controller_of_the_squared_error_sees_its_mean() -> None:
    objective = Objective(
        1.0, normalisation("sum"), 4, 2, controller=GECO(0.1, watches="mse", speed=0.5)
    )
    state = objective.step(TERMS, 0.0, objective.start()).state
    # An MSE of 0.2: ln β falls by speed · N/2 · ln 2.
    assert float(state[0]) == pytest.approx(-0.5 * 2 * math.log(2), rel=1e-6)  # float32
    with pytest.raises(ValueError, match="needs the mse"):
        objective.step(TERMS._replace(mse=None), 0.0, objective.start())


def test_what_an_objective_is_held_to_by_its_controller() -> None:
    controller = GECO(8.0, schedule=Linear(warmup=1.0))
    objective = Objective(1.0, normalisation("sum"), 4, 2, controller=controller)
    assert objective.holds == "distortion"
    assert [objective.held_to(p) for p in (0.0, 0.5, 1.0)] == [0, 4, 8]


# --- parts that contradict each other -------------------------------------------------------------


@pytest.mark.parametrize("controller", [GECO(1.0), ControlVAE(1.0)], ids=["geco", "controlvae"])
@pytest.mark.parametrize(
    ("parts", "way_out"),
    [
        ({"schedule": Linear()}, r"use schedule=constant; .*schedule@controller\.schedule="),
        ({"shaping": Capacity(1.0)}, r"use one of controller=… and shaping=…"),
        ({"shaping": FreeBits(0.1)}, r"use one of controller=… and shaping=…"),
    ],
    ids=["schedule", "capacity", "free bits"],
)
def test_a_controller_beside_what_pulls_at_it_is_refused(
    controller: Any, parts: dict[str, Any], way_out: str
) -> None:
    with pytest.raises(UserError, match=way_out):
        Objective(1.0, normalisation("sum"), 4, 2, controller=controller, **parts)


def test_a_controller_beside_what_does_not_is_fine() -> None:
    Objective(
        1.0,
        normalisation("sum"),
        4,
        2,
        schedule=Constant(),
        controller=GECO(1.0),
        penalties=[TotalCorrelation(1.0)],
    )


def test_penalties_of_a_batch_of_one_are_refused() -> None:
    one = Code(*torch.zeros(3, 1, 2))
    kl = torch.zeros(1, 2)
    terms = Terms(torch.zeros(1), kl, Draw(one.z, kl, code=one))
    for penalty in (TotalCorrelation(1.0), DIP(1.0), MMD(1.0)):
        objective = Objective(1.0, normalisation("sum"), 4, 2, 100, penalties=[penalty])
        with pytest.raises(UserError, match=r"trainer\.batch_size must be at least 2"):
            objective.loss(terms, 1.0)
        with pytest.raises(ValueError, match="need the code"):
            objective.loss(terms._replace(draw=None), 1.0)


# --- many runs at once ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "parts",
    [
        {},
        {"schedule": Linear(warmup=1.0)},
        {"shaping": Capacity(3.0)},
        {"shaping": FreeBits(0.8)},
        {"controller": GECO(5.0)},
        {"controller": GECO(0.5, watches="mse")},
        {"controller": ControlVAE(5.0)},
        {"penalties": [TotalCorrelation(2.0), DIP(1.0), DIP(1.0, kind="ii"), MMD(3.0)]},
    ],
    ids=str,
)
def test_a_step_of_stacked_runs_is_each_run_s_own(parts: dict[str, Any]) -> None:
    runs, batch = 4, 6
    objective = Objective(1.5, normalisation("mean"), N, M, 100, **parts)
    generator = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> Tensor:
        return torch.randn(runs, *shape, generator=generator, dtype=torch.float64)

    code = [normal(batch, M) for _ in range(3)]
    stacked = (normal(batch) - 10, normal(batch, M).abs(), *code, normal(batch).abs())
    states = torch.stack([objective.start() + 0.1 * run for run in range(runs)])

    def step(state: Tensor, log_px: Tensor, kl: Tensor, *rest: Tensor) -> tuple[Tensor, ...]:
        *code, mse = rest
        draw = Draw(code[0], kl, code=Code(*code))
        return tuple(objective.step(Terms(log_px, kl, draw, mse), 0.5, state))

    together = torch.func.vmap(step)(states, *stacked)
    alone = [step(state, *one) for state, *one in zip(states, *stacked, strict=True)]
    for found, expected in zip(together, zip(*alone, strict=True), strict=True):
        # float64 in another order; the state and what it sets are float32
        torch.testing.assert_close(found, torch.stack(expected), rtol=1e-6, atol=1e-6)

    def loss(*one: Tensor) -> Tensor:
        return step(*one)[0]

    slopes = torch.func.vmap(torch.func.grad(loss, argnums=2))(states, *stacked)
    kl = stacked[1].clone().requires_grad_()
    losses = [loss(states[i], stacked[0][i], kl[i], *(s[i] for s in stacked[2:])) for i in range(4)]
    (expected,) = torch.autograd.grad(sum(losses), kl)
    torch.testing.assert_close(slopes, expected, rtol=1e-6, atol=1e-9)
