"""What an estimator of information returns."""

from dataclasses import dataclass, field

from betafront.metrics.structure.inputs import Floats


@dataclass(frozen=True)
class Estimated:
    """Information of latents about factors, in nats.

    Attributes:
        mutual: (M, K); may be below 0 where a latent tells nothing.
        entropy: (K,) of the factors.
        cap: (K,) the share of its entropy that a perfect code of a factor would score.
        detail: further arrays, by name.
    """

    mutual: Floats
    entropy: Floats
    cap: Floats
    detail: dict[str, Floats] = field(default_factory=dict[str, Floats])
