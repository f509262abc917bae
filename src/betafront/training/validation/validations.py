"""What every validation of a run found, example by example, so that two of them can be compared."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor

from betafront.metrics.eval_mode import in_eval_mode
from betafront.metrics.iwae import weigh
from betafront.models import Family, Model
from betafront.objective import Objective
from betafront.objective.importance import bound
from betafront.training.latents.moments import Moments

KEPT = 2000
"""Validation examples whose own values are kept, at most: the first of the split."""


class Found(NamedTuple):
    """What one validation found of n examples, on the scale on which D has weight 1.

    Attributes:
        distortion: (n,) float64 nats of each example.
        rate: (n,) float64 nats of each example.
        counted: (n,) nats of each that the objective counts (`Shaping.counted`).
        penalty: the weighted sum of the penalties, in nats.
        latents: of the KL and the posterior means of each latent.
        judged: (n,) float64 nats of each by which the run is judged where that is not D + βR at the
            β as written: the bound of several draws (`betafront.objective.importance`), or of a
            family D + βR at a β of its range, another for each example.
    """

    distortion: Tensor
    rate: Tensor
    counted: Tensor
    penalty: float
    latents: Moments
    judged: Tensor | None = None


@in_eval_mode
@torch.no_grad()
def validate(
    model: Model, batches: Iterable[Tensor], noise: torch.Generator, objective: Objective
) -> Found:
    """Validate a model with one draw of z per example, with as many more as the objective has
    where it has several, and a family once more over its range.

    Args:
        model: in training mode or not; left as it was.
        batches: of the validation split, in their order, on the device of the model.
        noise: of z.
        objective: of the run, which says what counts of the KL, and which penalties there are.
    """
    distortions, kls, penalties, judged, latents = [], [], [], [], Moments()
    more = torch.Generator(noise.device).manual_seed(noise.initial_seed())
    for batch in batches:
        encoded = model.encode(batch)  # once, for the draw and for the means
        draw = model.draw(encoded, noise)
        distortions.append(-model.observe(draw.z, batch).log_px.double())
        kls.append(draw.kl)
        latents.add(draw.kl, model.means(encoded))
        if objective.penalties and len(batch) > 1:
            penalties.append(objective.penalty(draw.code).double() * len(batch))
        if objective.draws > 1:
            judged.append(bound(weigh(model, batch, objective.draws, more, objective.beta)))
        if isinstance(model, Family):
            judged.append(_over_range(model, batch, more, sum(map(len, judged))))
    distortion, kl = torch.cat(distortions), torch.cat(kls)
    penalty = torch.stack(penalties).sum().item() / len(kl) if penalties else 0.0
    counted = objective.shaping.counted(kl)
    found = torch.cat(judged) if judged else None
    return Found(distortion, kl.sum(-1).double(), counted, penalty, latents, found)


def _over_range(model: Family, batch: Tensor, noise: torch.Generator, before: int) -> Tensor:
    """(B,) float64 nats of the loss of each example, at a β of its own.

    Args:
        model: the family.
        batch: (B, …).
        noise: of z.
        before: examples of the split before the batch.
    """
    with model.spread(before, len(batch)) as varied:
        draw = model.infer(batch, noise)
        distortion = -model.observe(draw.z, batch).log_px.double()
        rate = draw.kl.double().sum(-1)
    return varied.share * (distortion + varied.beta * rate)


@dataclass
class Validations:
    """The validations of a run, in order. Every one is of the same examples in the same order, with
    the same noise, so that the difference between two has the standard error of paired values.

    Attributes:
        steps: optimiser steps taken before each.
        means: D, the counted rate and the penalty of each, over the whole split, in nats.
        each: (2, k) float32 D and the counted rate of the first k examples, of each.
        examples: of the split.
        judged: the mean of `Found.judged` of each over the whole split, where there is one.
        judged_of_each: (k,) float32 of the first k examples, of each.
    """

    steps: list[int] = field(default_factory=list)
    means: list[tuple[float, float, float]] = field(default_factory=list)
    each: list[Tensor] = field(default_factory=list)
    examples: int = 0
    judged: list[float] = field(default_factory=list)
    judged_of_each: list[Tensor] = field(default_factory=list)

    def add(self, step: int, found: Found) -> None:
        """Keep what a validation after `step` steps found."""
        self.steps.append(step)
        parts = torch.stack([found.distortion, found.counted.double()])
        distortion, rate = parts.mean(1).tolist()
        self.means.append((distortion, rate, found.penalty))
        self.each.append(parts[:, :KEPT].float().cpu())
        self.examples = len(found.distortion)
        if found.judged is not None:
            self.judged.append(found.judged.mean().item())
            self.judged_of_each.append(found.judged[:KEPT].float().cpu())

    def after(self, step: int) -> "Validations":
        """Those after which more than `step` steps had been taken."""
        first = sum(s <= step for s in self.steps)
        rows = ("steps", "means", "each", "judged", "judged_of_each")
        return replace(self, **{name: getattr(self, name)[first:] for name in rows})

    def values(self, beta: float) -> list[float]:
        """D + β·R, or what else the run is judged by, and the penalties of each validation, in
        nats."""
        if self.judged:
            return [b + mean[2] for b, mean in zip(self.judged, self.means, strict=True)]
        return [d + beta * r + penalty for d, r, penalty in self.means]

    def values_of_each(self, beta: float) -> Tensor:
        """(validations, k) D + β·R, or what else the run is judged by, of the examples whose own
        values are kept."""
        if not self.each:
            return torch.zeros(0, 0, dtype=torch.float64)
        if self.judged_of_each:
            return torch.stack(self.judged_of_each).double()
        distortion, rate = torch.stack(self.each).double().unbind(1)
        return distortion + beta * rate

    def snapshot(self) -> dict[str, Any]:
        """All of it, for `restore`."""
        each = torch.stack(self.each) if self.each else torch.zeros(0)
        means = [list(mean) for mean in self.means]
        kept = {"steps": self.steps, "means": means, "each": each, "examples": self.examples}
        if not self.judged:
            return kept
        # Under the names of an earlier version, in which it was the bound of several draws alone.
        return kept | {"bounds": self.judged, "bound_of_each": torch.stack(self.judged_of_each)}

    @classmethod
    def restore(cls, snapshot: dict[str, Any]) -> "Validations":
        """From what `snapshot` returned."""
        return cls(
            steps=list(snapshot["steps"]),
            means=[(d, r, penalty) for d, r, penalty in snapshot["means"]],
            each=list(snapshot["each"]),
            examples=snapshot["examples"],
            judged=list(snapshot.get("bounds", ())),
            judged_of_each=list(snapshot.get("bound_of_each", ())),
        )
