"""`betafront.audit`: which β a loss function really has."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from betafront.weights.audit import Verdict
from betafront.weights.audit import audit as examine


def audit(
    loss: Callable[..., Any] | str,
    shape: Sequence[int] = (1, 28, 28),
    latents: int | Sequence[int] = 10,
    settings: Mapping[str, Any] | None = None,
    order: Sequence[str] | None = None,
) -> Verdict:
    """Find out which β a loss function really has, by probing it, as `betafront weights audit`
    does.

    >>> import betafront
    >>> def loss(x, reconstruction, mu, log_var):
    ...     kl = (mu**2 + log_var.exp() - log_var - 1) / 2
    ...     return (x - reconstruction).square().mean() + 0.1 * kl.mean()
    >>> verdict = betafront.audit(loss, shape=(1, 28, 28), latents=20)
    >>> verdict.normalisation, round(verdict.beta, 6)
    ('mean', 1.96)

    Args:
        loss: the function, or its name as `"module:function"` or `"file.py:function"`.
        shape: of the reconstruction, as in `betafront.weights.audit.audit`.
        latents: M, or the shape of spatial latents.
        settings: further keyword arguments.
        order: of the arguments, where their names do not tell.

    Raises:
        UserError: the function cannot be called this way, raises, or returns no scalar.
    """
    if isinstance(loss, str):
        from betafront.weights.load import load

        loss = load(loss)
    return examine(loss, shape, latents, settings, order)
