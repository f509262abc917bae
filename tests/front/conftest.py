import pandas as pd
import pytest

from betafront.front import Facts
from betafront.objective import NORMALISATIONS

N, M = 64, 8


@pytest.fixture
def facts() -> Facts:
    return Facts(
        name="example",
        question="Which weight?",
        objectives={"val/rate": "minimize", "val/distortion": "minimize"},
        reference=[10.0, 10.0],
        pixels=N,
        latents=M,
        budget=9,
        counts={"complete": 9},
        parameters=["objective.weight", "normalisation"],
        one_scale=True,
        command="betafront sweep study=example",
        data="data example (digest 0)",
    )


@pytest.fixture
def table() -> pd.DataFrame:
    """Trials on R = 9 / (1 + 3β), D = 9 - R + β, written in two conventions in turn."""
    rows = []
    for trial, beta in enumerate([0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0]):
        norm = NORMALISATIONS[("sum", "pixel_mean")[trial % 2]]
        rate = 9 / (1 + 3 * beta)
        distortion = 2 * beta**0.5
        rows.append(
            {
                "trial": trial,
                "objective.weight": norm.weight(beta, N, M),
                "weight": norm.weight(beta, N, M),
                "normalisation": norm.name,
                "beta": beta,
                "beta_norm": beta * M / N,
                "sigma": 0.5,
                "pixels": N,
                "latents": M,
                "val/rate": rate,
                "val/distortion": distortion,
                "val/negative_elbo": rate + distortion,
                "val/mse": distortion / 100,
                "val/active_units": 8.0,
                "seconds": 1.0,
                "finished": float(trial),
                "folder": f"trial-{trial:04d}",
            }
        )
    return pd.DataFrame(rows)
