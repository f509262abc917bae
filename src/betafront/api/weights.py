"""`betafront.weights`: a KL weight translated to every convention."""

from collections.abc import Sequence
from typing import Any

from betafront import html
from betafront.weights.translate import from_options, translate
from betafront.weights.words import heading, rows_of


class Translation(dict[str, Any]):
    """A weight in every convention: what `betafront weights --json` prints."""

    @property
    def beta(self) -> float:
        """The canonical β."""
        return float(self["beta"])

    def __repr__(self) -> str:
        lines = [f"{' '.join(row[:2])}: {row[2]}" for row in rows_of(self)]
        return "\n".join([*heading(self), *lines])

    def _repr_html_(self) -> str:
        table = html.table(["convention", "loss", "w"], rows_of(self), words=(0, 1))
        return html.paragraphs(*heading(self)) + table


def weights(
    weight: float | None = None,
    *,
    shape: Sequence[int] | None = None,
    pixels: int | None = None,
    latents: int | None = None,
    normalisation: str | None = None,
    squared_error: str | None = None,
    coefficient: float | None = None,
    sigma: float | None = None,
    precision: float | None = None,
    project: str | None = None,
) -> Translation:
    """Translate a KL weight from one convention to every other, as the command `betafront weights`
    does.

    >>> import betafront
    >>> found = betafront.weights(0.1, shape=(1, 28, 28), latents=20, normalisation="mean")
    >>> found.beta, found["weights"]["beta_norm"]
    (3.92, 0.1)

    Args:
        weight: the number in front of the KL.
        shape: of the images; or
        pixels: N, their number of values.
        latents: M.
        normalisation: how it is written: `sum` (the default), `mean`, `pixel_mean`, `beta_norm`.
        squared_error: the reconstruction term is a squared error: `full` (SSE) or `half` (½·SSE).
        coefficient: a number in front of the reconstruction term.
        sigma: σ of the squared error's Gaussian; 1 where it is not given; or
        precision: 1/σ².
        project: start from the defaults of a project (`betafront weights projects`).

    Raises:
        UserError: something is missing, contradicts another, or is out of its range.
    """
    given = from_options(
        project_name=project,
        pixels=pixels,
        shape=shape,
        latents=latents,
        weight=weight,
        normalisation_name=normalisation,
        squared_error=squared_error,
        coefficient=coefficient,
        sigma=sigma,
        precision=precision,
    )
    return Translation(translate(given))
