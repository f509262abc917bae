"""What a KL weight means, from its convention or from the loss itself.

The package itself can be called: `betafront.weights(0.1, shape=(1, 28, 28), latents=20)` translates
a weight (`betafront.api.weights.weights`).
"""

from betafront.callable_package import make_callable

make_callable(__name__, "betafront.api.weights.weights")
