"""The kernel's mean discrepancy against its definition, and against samples that are known."""

import pytest
import torch

from betafront.metrics.prior_gap import SCALES, two_sample_mmd


def normal(n: int, m: int, seed: int) -> torch.Tensor:
    return torch.randn(n, m, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_it_is_what_its_definition_says() -> None:
    one, other = normal(4, 3, 0).tolist(), normal(5, 3, 1).tolist()

    def kernel(a: list[float], b: list[float]) -> float:
        square = sum((x - y) ** 2 for x, y in zip(a, b, strict=True))
        return sum(2 * 3 * s / (2 * 3 * s + square) for s in SCALES)

    def within(some: list[list[float]]) -> float:
        pairs = [kernel(a, b) for a in some for b in some if a is not b]
        return sum(pairs) / len(pairs)

    between = [kernel(a, b) for a in one for b in other]
    expected = within(one) + within(other) - 2 * sum(between) / len(between)
    a, b = (torch.tensor(x, dtype=torch.float64) for x in (one, other))
    assert float(two_sample_mmd(a, b)) == pytest.approx(expected, rel=1e-9)


def test_alike_samples_are_as_often_below_zero_as_above() -> None:
    found = [
        float(two_sample_mmd(normal(200, 4, 2 * s), normal(200, 4, 2 * s + 1))) for s in range(40)
    ]
    assert 8 <= sum(value > 0 for value in found) <= 32  # of 40 coins: all but once in 10,000
    assert max(map(abs, found)) < 0.1


@pytest.mark.parametrize("wrong", [lambda z: z + 0.5, lambda z: 0.5 * z, lambda z: 2 * z])
def test_what_differs_is_seen(wrong: object) -> None:
    assert callable(wrong)
    prior = normal(500, 4, 0)
    same = abs(float(two_sample_mmd(normal(500, 4, 1), prior)))
    assert float(two_sample_mmd(wrong(normal(500, 4, 1)), prior)) > 5 * same
