"""What distortions are of, by the likelihood and its total."""

from typing import Any

import pytest
import yaml

from betafront.metrics.masses import COUNTS, GIVEN, OF_COUNTS, OF_GIVEN_TOTAL, mass_of
from betafront.shipped import conf_dir


def of(name: str, **more: Any) -> dict[str, Any]:
    return {"likelihood._target_": f"betafront.objective.{name}", **more}


ROW = {"likelihood.total": "row"}
CASES: dict[str, tuple[tuple[Any, ...], str]] = {
    "poisson": ((of("Poisson"), {}), OF_COUNTS),
    "scaled": ((of("NegativeBinomial", **ROW), {}), OF_GIVEN_TOTAL),
    "multinomial": ((of("Multinomial"), {}), OF_GIVEN_TOTAL),
    "a density": ((of("Gaussian"), {}), ""),
    "the user's own": (({"likelihood._target_": "mine.Poissons"}, {}), ""),
    "searched": (({}, {"likelihood": "poisson,negative_binomial"}), OF_COUNTS),
    "a choice": (({}, {"likelihood": "choice(poisson, zero_inflated_poisson)"}), OF_COUNTS),
    "searched and scaled": (
        ({}, {"likelihood": "poisson,negative_binomial"}, ["+likelihood.total=row"]),
        OF_GIVEN_TOTAL,
    ),
    "with a density": (({}, {"likelihood": "poisson,gaussian"}), ""),
    "with a multinomial": (({}, {"likelihood": "poisson,multinomial"}), ""),
    "the total itself": ((of("Poisson"), {"likelihood.total": "row,null"}), ""),
    "the total with a plus": ((of("Poisson"), {"+likelihood.total": "row,null"}), ""),
}


@pytest.mark.parametrize("case", CASES)
def test_the_mass_that_a_distortion_is_of(case: str) -> None:
    arguments, expected = CASES[case]
    assert mass_of(*arguments) == expected


def test_the_names_are_those_of_the_configuration() -> None:
    for name, cls in {**COUNTS, **GIVEN}.items():
        text = (conf_dir() / f"likelihood/{name}.yaml").read_text()
        assert yaml.safe_load(text)["_target_"] == f"betafront.objective.{cls}"
