"""Models whose weights are in half precision, as `trainer.precision=bf16-true` has them."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from tests.support.sentences import LONGEST, VOCABULARY, sentences
from torch import Tensor

from betafront.models import Model, evaluating, hierarchical, ladder, mlp, sentence
from betafront.models.batch_statistics import remember
from betafront.objective import Bernoulli, Words, told

SMALL: dict[str, Any] = {"latents": (3, 2), "hidden": (8, 6)}
MODELS: dict[str, Callable[[], Model]] = {
    "mlp": lambda: mlp((1, 4, 4), Bernoulli(), latents=2, hidden=(8,)),
    "ladder": lambda: ladder((1, 4, 4), Bernoulli(), **SMALL),
    "hierarchical": lambda: hierarchical((1, 4, 4), Bernoulli(), **SMALL),
    "sentence": lambda: sentence(
        (LONGEST,), told(Words(), VOCABULARY), latents=2, embedding=4, hidden=6
    ),
}


def examples(model: Model) -> Tensor:
    if model.likelihood.of_symbols:
        return sentences().examples("val")
    return torch.rand(16, 1, 4, 4, generator=torch.Generator().manual_seed(0)).round()


@pytest.mark.parametrize("name", MODELS)
def test_a_model_has_the_terms_that_it_has_in_single_precision(name: str) -> None:
    torch.manual_seed(0)
    model = MODELS[name]().train()
    x = examples(model)
    single = model(x, torch.Generator().manual_seed(0))
    model.to(torch.bfloat16)
    given = x.to(torch.bfloat16) if x.is_floating_point() else x
    half = model(given, torch.Generator().manual_seed(0), draws=2)
    (half.distortion.mean() + half.rate.mean()).backward()
    assert all(p.grad is None or torch.isfinite(p.grad).all() for p in model.parameters())
    assert float(half.distortion.mean()) == pytest.approx(float(single.distortion.mean()), rel=0.1)
    remember(model, half.layers)
    with evaluating(model):  # and so a running mean of batch normalisation is read
        assert len(model.decode(model.prior(3))) == 3
        assert model.code(given).shape == (len(x), model.latents)
