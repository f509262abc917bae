"""What stands in the place of the rate: by hand, and what of it pulls at the model."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from betafront.errors import UserError
from betafront.objective import (
    NORMALISATIONS,
    Capacity,
    Constant,
    FreeBits,
    Layers,
    Linear,
    Normalisation,
    Objective,
    Plain,
    Shaping,
    Terms,
)
from betafront.training.validation.best import final_from

KL = torch.tensor([[0.1, 2.0, 0.9, 0.3], [0.5, 0.0, 0.3, 0.1]], dtype=torch.float64)
# Means over the batch: 0.3, 1.0, 0.6, 0.2; the rate is 2.1.
RATE = 2.1
N, M, BETA = 16, 4, 2.5

every_normalisation = pytest.mark.parametrize(
    "convention", NORMALISATIONS.values(), ids=lambda convention: convention.name
)


def gradient(shaping: Shaping, kl: Tensor = KL, progress: float = 1.0) -> Tensor:
    """(M,) the derivative by the batch mean of each latent's KL."""
    kl = kl.clone().requires_grad_()
    (slope,) = torch.autograd.grad(shaping(kl, progress), kl)
    assert torch.equal(slope[0], slope[1])  # each example alike
    return len(kl) * slope[0]


def test_plain_is_the_rate() -> None:
    assert float(Plain()(KL, 0.3)) == pytest.approx(RATE, rel=1e-15)  # rounding
    assert gradient(Plain()).tolist() == [1, 1, 1, 1]
    assert Plain().holds == ""
    assert math.isnan(Plain().held_to(1.0))


@pytest.mark.parametrize(("nats", "expected", "sign"), [(0.5, 1.6, 1), (5.0, 2.9, -1)])
def test_capacity_is_the_distance_of_the_rate(nats: float, expected: float, sign: int) -> None:
    shaping = Capacity(nats)
    assert float(shaping(KL, 0.0)) == pytest.approx(expected, rel=1e-15)
    assert gradient(shaping).tolist() == 4 * [sign]
    assert float(shaping.slope(KL, 0.0)) == sign


def test_capacity_is_of_the_mean_rate_and_not_of_each_example() -> None:
    # The examples have 3.3 and 0.9 nats: on either side of 2.1, each 1.2 away.
    assert float(Capacity(2.1)(KL, 1.0)) == pytest.approx(0, abs=1e-15)


def test_capacity_rises_with_its_schedule() -> None:
    shaping = Capacity(4.0, schedule=Linear(warmup=1.0))
    assert [shaping.held_to(p) for p in (0.0, 0.25, 0.5, 1.0)] == [0, 1, 2, 4]
    values = [float(shaping(KL, p)) for p in (0.0, 0.25, 0.5, 1.0)]
    assert values == pytest.approx([2.1, 1.1, 0.1, 1.9], rel=1e-14)
    assert [float(shaping.slope(KL, p)) for p in (0.0, 0.25, 0.5, 1.0)] == [1, 1, 1, -1]


def test_at_its_capacity_nothing_pulls() -> None:
    kl = torch.full((2, 4), 0.5)
    assert gradient(Capacity(2.0), kl).tolist() == [0, 0, 0, 0]
    assert float(Capacity(2.0).slope(kl, 1.0)) == 0


@pytest.mark.parametrize(
    ("nats", "group", "expected", "pull"),
    [
        # max after the mean over the batch: before it the first would be 2.95.
        (0.5, 1, 0.5 + 1.0 + 0.6 + 0.5, [0, 1, 1, 0]),
        (0.0, 1, RATE, [1, 1, 1, 1]),
        (7.0, 1, 28.0, [0, 0, 0, 0]),
        (1.0, 2, 1.3 + 1.0, [1, 1, 0, 0]),  # neighbours: 0.3 + 1.0 and 0.6 + 0.2
        (3.0, 4, 3.0, [0, 0, 0, 0]),  # group = M: the rate as a whole
        (2.0, 4, RATE, [1, 1, 1, 1]),
    ],
)
def test_free_bits_by_hand(nats: float, group: int, expected: float, pull: list[int]) -> None:
    shaping = FreeBits(nats, group)
    assert float(shaping(KL, 1.0)) == pytest.approx(expected, rel=1e-15)
    assert gradient(shaping).tolist() == pull


def test_free_bits_rise_with_their_schedule() -> None:
    shaping = FreeBits(2.0, schedule=Linear(warmup=1.0))
    assert [shaping.held_to(p) for p in (0.0, 0.25, 1.0)] == [0, 0.5, 2]
    assert float(shaping(KL, 0.0)) == pytest.approx(RATE, rel=1e-15)
    assert float(shaping(KL, 0.25)) == pytest.approx(2.6, rel=1e-15)
    assert float(shaping(KL, 1.0)) == 8


@pytest.mark.parametrize(
    ("shaping", "pull", "in_force"),
    [
        (Plain(), [1, 1, 1, 1], BETA),
        (Capacity(1.0), [1, 1, 1, 1], BETA),
        (Capacity(9.0), [-1, -1, -1, -1], -BETA),
        (FreeBits(0.5), [0, 1, 1, 0], BETA),  # of the latents above it
    ],
    ids=str,
)
@every_normalisation
def test_beta_of_the_shaped_rate_in_every_convention(
    convention: Normalisation, shaping: Shaping, pull: list[int], in_force: float
) -> None:
    objective = Objective(convention.weight(BETA, N, M), convention, N, M, shaping=shaping)
    log_px = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    kl = KL.clone().requires_grad_()
    step = objective.step(Terms(log_px, kl), 1.0, objective.start())
    by_log_px, by_kl = torch.autograd.grad(step.loss, (log_px, kl))
    # float64 rounding of the weights
    torch.testing.assert_close(
        by_kl / -by_log_px.unsqueeze(1),
        BETA * torch.tensor([pull, pull]).double(),
        rtol=1e-14,
        atol=0,
    )
    assert float(step.beta) == pytest.approx(in_force, rel=1e-14)


def test_the_schedule_of_beta_and_that_of_the_capacity_are_two() -> None:
    objective = Objective(
        10.0,
        NORMALISATIONS["sum"],
        N,
        M,
        schedule=Linear(warmup=1.0),
        shaping=Capacity(4.0, schedule=Constant()),
    )
    step = objective.step(Terms(torch.zeros(2).double(), KL), 0.5, objective.start())
    assert float(step.loss) == pytest.approx(0.5 * 10 * (4.0 - RATE), rel=1e-14)
    assert float(step.beta) == -5


def test_what_an_objective_is_held_to_by_its_shaping() -> None:
    def made(shaping: Shaping) -> Objective:
        return Objective(1.0, NORMALISATIONS["sum"], N, M, shaping=shaping)

    assert (made(Capacity(3.0)).holds, made(Capacity(3.0)).held_to(1.0)) == ("rate", 3.0)
    assert (made(FreeBits(3.0)).holds, made(FreeBits(3.0)).held_to(1.0)) == ("part", 3.0)
    assert (made(Plain()).holds, math.isnan(made(Plain()).held_to(1.0))) == ("", True)
    assert [s.hides_beta for s in (Plain(), FreeBits(3.0), Capacity(3.0))] == [False, True, True]


def of_layers(shaping: Shaping, *widths: int, **more: Any) -> Objective:
    """The objective of a model with layers of these widths."""
    return Objective(BETA, NORMALISATIONS["sum"], N, M, shaping=shaping, widths=widths, **more)


@pytest.mark.parametrize(
    ("nats", "expected", "pull"),
    [
        (0.5, 0.5 + 1.8, [0, 1, 1, 1]),  # 0.3, and 1.0 + 0.6 + 0.2
        (2.0, 4.0, [0, 0, 0, 0]),
        (0.0, RATE, [1, 1, 1, 1]),
    ],
)
def test_free_bits_of_layers_by_hand(nats: float, expected: float, pull: list[int]) -> None:
    shaping = of_layers(FreeBits(nats, "layer"), 1, 3).shaping
    assert float(shaping(KL, 1.0)) == pytest.approx(expected, rel=1e-15)
    assert float(shaping.counted(KL).mean()) == pytest.approx(expected, rel=1e-15)
    assert gradient(shaping).tolist() == pull


def test_layers_have_weights_and_schedules_of_their_own() -> None:
    shaping = Layers([1, 0.5], [Constant(), Linear(warmup=0.5)])
    objective = of_layers(shaping, 1, 3)
    fitted = objective.shaping
    for progress, weight in ((0.0, 0.0), (0.25, 0.25), (1.0, 0.5)):
        assert fitted.factors(progress) == (1.0, weight)
        assert gradient(fitted, progress=progress).tolist() == [1, *[weight] * 3]
        step = objective.step(Terms(torch.zeros(2).double(), KL), progress, objective.start())
        expected = 0.3 + weight * 1.8
        assert float(step.loss) == pytest.approx(BETA * expected, rel=1e-14)
        assert float(step.beta) == pytest.approx(BETA * expected / RATE, rel=1e-14)
    assert float(fitted.counted(KL).mean()) == pytest.approx(0.3 + 0.5 * 1.8, rel=1e-14)
    assert objective.beta == BETA
    assert fitted.hides_beta
    assert not Layers([1, 1], [Constant(), Linear()]).hides_beta


def test_the_steps_at_the_end_of_all_schedules_are_the_final_ones() -> None:
    ramps = Layers([1, 1], [Linear(warmup=0.2), Linear(warmup=0.6)])
    assert final_from(of_layers(ramps, 1, 3), 100) == 60
    assert final_from(of_layers(ramps, 1, 3, schedule=Linear(warmup=0.8)), 100) == 80


@pytest.mark.parametrize(
    ("shaping", "message"),
    [
        (
            Layers([1, 1, 1]),
            r"weights has 3 of 2 layers of latents \(1, 3\): give one each, bottom",
        ),
        (Layers([1, 1], [Constant()]), r"schedules has 1 of 2 layers"),
    ],
)
def test_as_many_weights_as_layers(shaping: Shaping, message: str) -> None:
    with pytest.raises(UserError, match=message):
        of_layers(shaping, 1, 3)


@pytest.mark.parametrize("group", [3, 5, 8])
def test_groups_that_do_not_divide_the_latents_are_refused(group: int) -> None:
    message = rf"shaping\.group={group} does not divide the model's 4 latents .*choose a divisor"
    with pytest.raises(UserError, match=message):
        Objective(1.0, NORMALISATIONS["sum"], N, M, shaping=FreeBits(0.5, group))


@pytest.mark.parametrize(
    ("make", "key"),
    [
        *((lambda v=v: Capacity(v), "nats") for v in (-1.0, math.inf, math.nan)),
        *((lambda v=v: FreeBits(v), "nats") for v in (-1.0, math.inf, math.nan)),
        *((lambda v=v: FreeBits(group=v), "group") for v in (0, -1, 1.5, True, "layers")),
        *((lambda v=v: Layers([1, v]), "weights") for v in (-1.0, math.inf, math.nan, True, "1")),
        (lambda: Layers(1.0), "weights"),  # type: ignore[arg-type]
    ],
)
def test_a_bad_argument_is_named(make: Callable[[], Shaping], key: str) -> None:
    with pytest.raises(UserError, match=rf"shaping\.{key} must be .* not "):
        make()
