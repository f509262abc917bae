"""Where a learned scale starts: at the error of an untrained model on the first examples."""

import torch

from betafront.data import Data
from betafront.data.seeded import seeded
from betafront.models import Model, evaluating

EXAMPLES = 256


@torch.no_grad()
def start_scale(model: Model, data: Data, seed: int) -> None:
    """Set the scale of a likelihood that has none yet; no other part of the model changes, nor a
    generator. A model that gives no statistic starts at 1.

    Args:
        model: untrained.
        data: whose first training examples are taken, on the device of the model.
        seed: of the draws of z.
    """
    if not model.likelihood.unset:
        return
    x = data.examples("train", EXAMPLES)
    # A layer of the model's own, as of batch normalisation, is not to learn from this.
    with evaluating(model), seeded(seed, [x.device]):
        model.likelihood.train()
        terms = model(x, torch.Generator(x.device).manual_seed(seed))
        model.remember(terms.statistic)
