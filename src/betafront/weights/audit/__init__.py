"""The audit: which β a loss function really has, found by calling it and not by reading its code.

The loss is called with random tensors in float64 and differentiated. A term is recognised by its
gradient, element by element. Its weight is the factor on that gradient. Its reductions are read
from how the factor changes when the batch, a side of the image or the number of latents is doubled.
A question that the probes do not settle is answered "cannot tell", with the reason.
"""

from betafront.weights.audit.audit import audit
from betafront.weights.audit.verdict import Verdict

__all__ = ["Verdict", "audit"]
