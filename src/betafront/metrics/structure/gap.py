"""The gap between the best latent and the next, on which MIG and SAP rest."""

import numpy as np

from betafront.metrics.structure.inputs import Floats


def top_two_gap(scores: Floats, floor: Floats) -> Floats:
    """(K,) the highest minus the second highest of the (M, K) scores of latents for factors.

    Args:
        floor: (K,) the score of a latent that knows nothing; of a single latent it is the second.
    """
    second, first = np.sort(np.vstack([scores, floor]), axis=0)[-2:]
    return np.asarray(first - second)
