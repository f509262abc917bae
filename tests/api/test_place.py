"""Which model of a study is meant: by a number, a point of the front, or a β."""

from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from betafront.api.place import Place, is_a_point, place_at
from betafront.errors import UserError
from betafront.front import Facts

BETAS = (0.01, 0.1, 1.0, 10.0)
FACTS = Facts(
    name="m", question="", objectives={"val/rate": "minimize", "val/distortion": "minimize"},
    reference=[9.0, 9.0], pixels=64, latents=8, budget=1, counts={}, parameters=[], one_scale=True,
    command="", data="",
)  # fmt: skip


def rows(trial: int, betas: tuple[float, ...], shift: float = 0.0) -> list[dict[str, Any]]:
    """Of a family, on D = 2β^½ and R = 9 / (1 + 3β)."""
    found = []
    for beta in betas:
        rate, distortion = 9 / (1 + 3 * beta), 2 * beta**0.5 + shift
        found.append({
            "trial": trial, "beta": beta, "beta_norm": beta / 8, "weight": beta, "sigma": 0.5,
            "pixels": 64, "latents": 8, "val/rate": rate, "val/distortion": distortion,
            "val/negative_elbo": rate + distortion, "of_curve": True, "as_written": beta == 1.0,
        })  # fmt: skip
    return found


def study(*each: list[dict[str, Any]], curve: bool = True) -> Any:
    table = pd.DataFrame([row for of in each for row in of])
    if not curve:
        table = table.drop(columns=["of_curve", "as_written"]).assign(trial=range(len(table)))
    return SimpleNamespace(spec=SimpleNamespace(name="m"), table=table, facts=FACTS, runs=None)


FAMILY = study(rows(0, BETAS))
PLACES = {
    0: Place(0),
    "trial=0": Place(0),
    "trial=0,beta=0.3": Place(0, 0.3),
    "beta=0.7": Place(0, 0.7),
    "beta=0.1000003": Place(0, 0.1),  # the page writes six digits
    "beta=10.00001": Place(0, 10.0),
    "elbo": Place(0, 1.0),
    "knee": Place(0, 1.0),
}


@pytest.mark.parametrize("at", PLACES)
def test_a_place_is_found(at: str | int) -> None:
    assert place_at(FAMILY, at) == PLACES[at]


REFUSED = {
    "beta=20": r"β = 20 is outside the range for which m has a model: β is 0.01 to 10$",
    "beta=0": r"^β is a number above 0, not '0'$",
    "beta=much": r"^β is a number above 0, not 'much'$",
    "trial=1": r"^m has no finished trial 1$",
    "trial=x,beta=1": r"^m has no finished trial x$",
    "best": r"^m has no point 'best' to export: there is elbo, knee, trial=N, beta=B$",
}


@pytest.mark.parametrize("at", REFUSED)
def test_what_is_not_there_is_said_in_one_line(at: str) -> None:
    with pytest.raises(UserError, match=REFUSED[at]):
        place_at(FAMILY, at)


def test_of_several_families_it_is_the_one_that_is_best_at_the_beta() -> None:
    both = study(rows(0, BETAS), rows(1, (0.1, 1.0), shift=-1.0))
    assert place_at(both, "beta=0.5") == Place(1, 0.5)
    assert place_at(both, "beta=5") == Place(0, 5.0)
    with pytest.raises(UserError, match=r"β is 0.01 to 10 and 0.1 to 1$"):
        place_at(both, "beta=50")


def test_without_a_family_the_nearest_trial_is_named() -> None:
    plain = study(rows(0, BETAS), curve=False)
    assert place_at(plain, "elbo") == Place(2)
    said = r"^no model of m is conditioned on β. The nearest to β = 0.7 is trial 2, β = 1: --at tri"
    with pytest.raises(UserError, match=said):
        place_at(plain, "beta=0.7")
    with pytest.raises(UserError, match=r"^trial 2 of m is no family: it has one β, 1. --at trial"):
        place_at(plain, "trial=2,beta=0.7")


def test_a_beta_is_no_point_of_the_front() -> None:
    assert [is_a_point(at) for at in ("elbo", "beta=1", "trial=2", 2)] == [True, *[False] * 3]
    assert [Place(3).text, Place(0, 0.7).text] == ["trial-3", "trial-0-beta-0.7"]
