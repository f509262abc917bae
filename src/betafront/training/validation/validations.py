"""What every validation of a run found, example by example, so that two of them can be compared."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor

from betafront.metrics.eval_mode import in_eval_mode
from betafront.metrics.iwae import weigh
from betafront.models import Model
from betafront.objective import Objective
from betafront.objective.importance import bound

KEPT = 2000
"""Validation examples whose own values are kept, at most: the first of the split."""


class Found(NamedTuple):
    """What one validation found of n examples, on the scale on which D has weight 1.

    Attributes:
        distortion: (n,) float64 nats of each example.
        rate: (n,) float64 nats of each example.
        counted: (n,) nats of each that the objective counts (`Shaping.counted`).
        penalty: the weighted sum of the penalties, in nats.
        bound: (n,) float64 nats of each by which a run with several draws is judged, in place of
            D + βR (`betafront.objective.importance`) at the β as written; None of a single draw.
    """

    distortion: Tensor
    rate: Tensor
    counted: Tensor
    penalty: float
    bound: Tensor | None = None


@in_eval_mode
@torch.no_grad()
def validate(
    model: Model, batches: Iterable[Tensor], noise: torch.Generator, objective: Objective
) -> Found:
    """Validate a model with one draw of z per example, and with as many more as the objective has
    where it has several.

    Args:
        model: in training mode or not; left as it was.
        batches: of the validation split, in their order, on the device of the model.
        noise: of z.
        objective: of the run, which says what counts of the KL, and which penalties there are.
    """
    distortions, kls, penalties, bounds = [], [], [], []
    more = torch.Generator(noise.device).manual_seed(noise.initial_seed())
    for batch in batches:
        terms = model(batch, noise)
        distortions.append(terms.distortion.double())
        kls.append(terms.kl)
        if objective.penalties and len(batch) > 1:
            penalties.append(objective.penalty(terms.draw.code).double() * len(batch))
        if objective.draws > 1:
            bounds.append(bound(weigh(model, batch, objective.draws, more, objective.beta)))
    distortion, kl = torch.cat(distortions), torch.cat(kls)
    penalty = torch.stack(penalties).sum().item() / len(kl) if penalties else 0.0
    counted = objective.shaping.counted(kl)
    found = torch.cat(bounds) if bounds else None
    return Found(distortion, kl.sum(-1).double(), counted, penalty, found)


@dataclass
class Validations:
    """The validations of a run, in order. Every one is of the same examples in the same order, with
    the same noise, so that the difference between two has the standard error of paired values.

    Attributes:
        steps: optimiser steps taken before each.
        means: D, the counted rate and the penalty of each, over the whole split, in nats.
        each: (2, k) float32 D and the counted rate of the first k examples, of each.
        examples: of the split.
        bounds: `Found.bound` of each over the whole split, of a run with several draws.
        bound_of_each: (k,) float32 of the first k examples, of each.
    """

    steps: list[int] = field(default_factory=list)
    means: list[tuple[float, float, float]] = field(default_factory=list)
    each: list[Tensor] = field(default_factory=list)
    examples: int = 0
    bounds: list[float] = field(default_factory=list)
    bound_of_each: list[Tensor] = field(default_factory=list)

    def add(self, step: int, found: Found) -> None:
        """Keep what a validation after `step` steps found."""
        self.steps.append(step)
        parts = torch.stack([found.distortion, found.counted.double()])
        distortion, rate = parts.mean(1).tolist()
        self.means.append((distortion, rate, found.penalty))
        self.each.append(parts[:, :KEPT].float().cpu())
        self.examples = len(found.distortion)
        if found.bound is not None:
            self.bounds.append(found.bound.mean().item())
            self.bound_of_each.append(found.bound[:KEPT].float().cpu())

    def after(self, step: int) -> "Validations":
        """Those after which more than `step` steps had been taken."""
        first = sum(s <= step for s in self.steps)
        rows = ("steps", "means", "each", "bounds", "bound_of_each")
        return replace(self, **{name: getattr(self, name)[first:] for name in rows})

    def values(self, beta: float) -> list[float]:
        """D + β·R and the penalties of each validation, in nats; of several draws the bound at the
        β as written, and the penalties."""
        if self.bounds:
            return [b + mean[2] for b, mean in zip(self.bounds, self.means, strict=True)]
        return [d + beta * r + penalty for d, r, penalty in self.means]

    def values_of_each(self, beta: float) -> Tensor:
        """(validations, k) D + β·R of the examples whose own values are kept; of several draws the
        bound."""
        if not self.each:
            return torch.zeros(0, 0, dtype=torch.float64)
        if self.bound_of_each:
            return torch.stack(self.bound_of_each).double()
        distortion, rate = torch.stack(self.each).double().unbind(1)
        return distortion + beta * rate

    def snapshot(self) -> dict[str, Any]:
        """All of it, for `restore`."""
        each = torch.stack(self.each) if self.each else torch.zeros(0)
        means = [list(mean) for mean in self.means]
        kept = {"steps": self.steps, "means": means, "each": each, "examples": self.examples}
        if not self.bounds:
            return kept
        return kept | {"bounds": self.bounds, "bound_of_each": torch.stack(self.bound_of_each)}

    @classmethod
    def restore(cls, snapshot: dict[str, Any]) -> "Validations":
        """From what `snapshot` returned."""
        return cls(
            steps=list(snapshot["steps"]),
            means=[(d, r, penalty) for d, r, penalty in snapshot["means"]],
            each=list(snapshot["each"]),
            examples=snapshot["examples"],
            bounds=list(snapshot.get("bounds", ())),
            bound_of_each=list(snapshot.get("bound_of_each", ())),
        )
