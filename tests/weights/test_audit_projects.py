"""The audit against the losses of eight projects, whose constants are known."""

import pytest

from betafront.objective import (
    beta_norm,
)
from betafront.weights.audit import audit
from betafront.weights.projects import PROJECTS

EXACT = 1e-9  # float64, where the recognised gradient is the exact one


@pytest.mark.parametrize("name", PROJECTS)
def test_constants_and_probes_agree_on_every_project(name: str) -> None:
    known = PROJECTS[name]
    verdict = audit(known.loss, known.shape, known.latents)
    assert verdict.beta == pytest.approx(known.beta, rel=EXACT)
    expected_norm = beta_norm(known.beta, known.pixels, known.latents)
    assert verdict.beta_norm == pytest.approx(expected_norm, rel=EXACT)
    assert verdict.normalisation == known.convention.normalisation.name
    assert verdict.weight == pytest.approx(known.weight, rel=EXACT)
    assert not verdict.unknown
    # Only a mean over the image beside a sum over the latents is worth a warning.
    assert verdict.clean == (name != "pytorch-vae")


def test_validation_of_pytorch_vae() -> None:
    known = PROJECTS["pytorch-vae"]
    verdict = audit(known.loss, known.shape, known.latents, settings={"weight": 1})
    assert verdict.beta == pytest.approx(6144, rel=EXACT)
    assert verdict.beta_by_shape == pytest.approx({"3x64x64": 6144, "3x128x128": 24576}, rel=EXACT)
