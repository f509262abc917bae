"""The audit: which β a loss function really has, found by probing it and never by reading it.

The loss is called with random tensors in float64 and differentiated. A term is recognised by its
gradient, element by element; its weight is the factor on that gradient; its reductions are how the
factor changes when the batch, a side of the image or the number of latents is doubled. What no
probe settles is answered "cannot tell", with the reason.
"""

from betafront.weights.audit.audit import audit
from betafront.weights.audit.verdict import Verdict

__all__ = ["Verdict", "audit"]
