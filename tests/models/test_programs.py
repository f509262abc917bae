"""The programs give the numbers of the model that they were made of, for batches of any size."""

from functools import partial
from pathlib import Path

import pytest
import torch

from betafront.errors import UserError
from betafront.models import Architecture, conv, linear, mlp, sentence, write_programs
from betafront.objective import (
    Bernoulli,
    Beta,
    Categorical,
    ContinuousBernoulli,
    DiscretizedLogistic,
    Gaussian,
    GaussianPerImage,
    Laplace,
    Likelihood,
    Words,
    told,
)

MLP = partial(mlp, latents=3, hidden=(6,))
CASES: list[tuple[Architecture, Likelihood]] = [
    (MLP, Gaussian()),
    (MLP, GaussianPerImage()),
    (MLP, Laplace()),
    (MLP, Beta()),
    (MLP, Bernoulli()),
    (MLP, ContinuousBernoulli()),
    (MLP, DiscretizedLogistic(5)),
    (partial(conv, latents=3, width=2, hidden=6), Categorical(5)),
    (partial(linear, latents=3), Gaussian()),
]


@pytest.mark.parametrize(
    ("architecture", "likelihood"),
    CASES,
    ids=[type(case[1]).__name__ for case in CASES],
)
def test_the_numbers_are_the_models(
    architecture: Architecture, likelihood: Likelihood, tmp_path: Path
) -> None:
    shape = (1, 8, 9) if architecture is MLP else (1, 9, 9)
    vae = architecture(shape, likelihood).eval()
    write_programs(vae, shape, tmp_path)
    encode, decode = (
        torch.export.load(tmp_path / f"{name}.pt2").module() for name in ("encoder", "decoder")
    )
    for n in (1, 7):
        x = torch.rand(n, *shape, generator=torch.Generator().manual_seed(n))
        posterior = vae.encode(x)
        mean, log_var = encode(x)
        torch.testing.assert_close(mean, posterior.mean)
        torch.testing.assert_close(log_var, posterior.log_var)
        torch.testing.assert_close(decode(mean), vae.decode(mean))


def test_a_model_of_sentences_has_no_program(tmp_path: Path) -> None:
    vae = sentence((5,), told(Words(), 9), latents=2, embedding=4, hidden=6)
    with pytest.raises(UserError, match=r"this one is of sentences: leave --torch-export out"):
        write_programs(vae, (5,), tmp_path)
    assert not list(tmp_path.iterdir())
