"""The result of an audit."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, repr=False)
class Verdict:
    """What a loss function really computes. A field that is None could not be established;
    `unknown` has the reasons.

    Attributes:
        loss: the function's name.
        arguments: which argument was taken for which.
        dims: N: values of an example, or positions where each has a class.
        value: where the scalar is in the answer.
        layout: whether it takes images or rows of pixels.
        shape, latents: at which it was audited; M over all positions of the latents.
        latent_shape: of mu and log_var, without the batch.
        reconstruction: the reconstruction term.
        log_var: the quantity that the argument called log_var is.
        prior: the standard deviation of the prior.
        reductions: over what each term is summed or averaged.
        learned: what each parameter of the loss's own does, and its value now.
        probed_kl: the least and the greatest KL of the probes, in nats per example.
        beta: the canonical β; of a squared error at σ = 1, unless its constants show σ.
        product: β·σ² (β·b of an absolute error): such a loss sets this product alone.
        beta_norm: β·M/N.
        scale: the σ or b at which `beta` holds; None where the likelihood has none.
        scale_shown: whether the constants of the loss show that scale.
        scale_for_one: the σ or b for which β = 1.
        beta_by_batch: β by batch size, where it changes with it.
        beta_by_shape: β by image shape, where it changes with it.
        beta_by_mask: β by what a mask, lengths or padding keep, where it changes with that; `beta`
            is at full mask.
        normalisation, weight: the convention in betafront's words, and the weight in it.
        coefficient: on the reconstruction term, as reduced.
        constants: which constants of the log-likelihood it has, in words.
        equivalent: the settings of betafront with the same optimum.
        warnings: faults and surprises.
        notes: other facts of interest.
        unknown: the questions without an answer, with the reasons.
    """

    loss: str
    arguments: str
    shape: tuple[int, ...]
    latents: int
    latent_shape: tuple[int, ...] = ()
    dims: int | None = None
    value: str | None = None
    layout: str | None = None
    reconstruction: str | None = None
    log_var: str | None = None
    prior: float | None = None
    reductions: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    learned: Mapping[str, str] = field(default_factory=dict)
    probed_kl: tuple[float, float] | None = None
    beta: float | None = None
    product: float | None = None
    beta_norm: float | None = None
    scale: float | None = None
    scale_shown: bool = False
    scale_for_one: float | None = None
    beta_by_batch: Mapping[str, float] = field(default_factory=dict)
    beta_by_shape: Mapping[str, float] = field(default_factory=dict)
    beta_by_mask: Mapping[str, float] = field(default_factory=dict)
    normalisation: str | None = None
    weight: float | None = None
    coefficient: float | None = None
    constants: str | None = None
    equivalent: str | None = None
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    unknown: Mapping[str, str] = field(default_factory=dict)

    @property
    def clean(self) -> bool:
        """Whether every question has an answer and there is no warning."""
        return not self.warnings and not self.unknown

    def __repr__(self) -> str:
        from betafront.weights.words import answers, remarks

        told = [f"{question.strip()}: {answer}" for question, answer in answers(self)]
        return "\n".join([self.loss, *told, *remarks(self)])

    def _repr_html_(self) -> str:
        from betafront import html
        from betafront.weights.words import answers, remarks

        table = html.table(["", ""], answers(self), self.loss, words=(0, 1))
        return table + html.paragraphs(*remarks(self))

    def to_json(self) -> dict[str, Any]:
        """A dictionary of plain values."""
        return {**asdict(self), "clean": self.clean}
