"""When a run is validated."""

import pytest

from betafront.training.validation.cadence import Cadence


def steps(planned: int, epoch: int, batch: int = 64, validated: int = 100) -> list[int]:
    cadence = Cadence(planned, epoch, batch, validated)
    return [step for step in range(1, planned + 1) if cadence.due(step)]


def test_a_run_of_many_epochs_is_validated_about_twenty_times_at_their_ends() -> None:
    found = steps(8000, 22)
    assert 20 <= len(found) <= 24
    assert all(step % (18 * 22) == 0 for step in found[:-1])


def test_every_run_is_validated_after_its_last_step() -> None:
    assert [steps(planned, 22)[-1] for planned in (5, 22, 801)] == [5, 22, 801]


@pytest.mark.parametrize(("planned", "epoch"), [(800, 843), (2000, 421), (500, 10_000)])
def test_a_run_of_few_epochs_is_validated_inside_of_them(planned: int, epoch: int) -> None:
    found = steps(planned, epoch)
    assert 8 <= len(found) <= 15
    assert all(step in found for step in range(epoch, planned, epoch))


def test_validation_costs_little_beside_the_training() -> None:
    found = steps(800, 843, batch=64, validated=10_000)
    assert 10_000 * len(found) < 64 * 800  # each example is trained on for every one validated
    assert len(found) >= 3
