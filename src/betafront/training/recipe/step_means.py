"""What an optimiser step has seen: the means over the batches that it is made of."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from betafront.objective import Step, Terms


class StepMeans(NamedTuple):
    """Means over the examples of one optimiser step, () each but `layers`, and without gradients.

    Attributes:
        distortion, rate: in nats per example.
        loss, beta, penalty: as in `betafront.objective.Step`.
        mse: squared error per data dimension; None where it was not measured.
        statistic: of the likelihood, as in `Terms.statistic`.
        layers: (k,) of the layers of the model, as in `Terms.layers`.
        state: of the controller after the step, where the step is one batch.
    """

    distortion: Tensor
    rate: Tensor
    loss: Tensor
    beta: Tensor
    penalty: Tensor
    mse: Tensor | None
    statistic: Tensor | None
    layers: Tensor | None
    state: Tensor | None

    @classmethod
    def of(cls, terms: Terms, taken: Step) -> "StepMeans":
        """Of one batch."""
        return cls(
            distortion=taken.distortion,
            rate=taken.rate,
            loss=taken.loss.detach(),
            beta=_detached(taken.beta),
            penalty=taken.penalty,  # which has no gradient
            mse=None if terms.mse is None else terms.mse.detach().mean(),
            statistic=None if terms.statistic is None else _detached(terms.statistic),
            layers=None if terms.layers is None else _detached(terms.layers),
            state=taken.state,
        )

    def over_devices(self, mean: Callable[[Tensor], Tensor]) -> "StepMeans":
        """The means over all processes that share a batch; of β weighted by the rates, as the β of
        layers that differ is (`betafront.objective.shaping.Layers`).

        Args:
            mean: of a vector over the processes.
        """
        own = self._replace(state=None)._asdict()
        values = {name: value for name, value in own.items() if value is not None}
        values["product"] = self.beta.double() * self.rate.double()
        means = mean(torch.cat([value.double().flatten() for value in values.values()]))
        parts = means.split([value.numel() for value in values.values()])
        every = {
            k: part.to(v.dtype).view_as(v)
            for (k, v), part in zip(values.items(), parts, strict=True)
        }
        product, rate = every.pop("product"), parts[list(values).index("rate")].view(())
        weighted = (product / rate).to(self.beta.dtype)
        every["beta"] = torch.where(rate == 0, every["beta"], weighted)
        return StepMeans(**own | every)

    def write(self, row: Tensor) -> None:
        """Write what a trace keeps of the step into its (6,) row, in the order of `TRACED`."""
        seen = [self.distortion, self.rate, self.loss, self.beta, self.penalty]
        if self.mse is not None:
            seen.append(self.mse)
        torch.stack([value.float() for value in seen], out=row[: len(seen)])


def mean_of(batches: Sequence[StepMeans]) -> StepMeans:
    """The means over all batches of a step, which have the same number of examples."""
    if len(batches) == 1:
        return batches[0]
    values: dict[str, Any] = {}
    for name in StepMeans._fields:
        each = [getattr(batch, name) for batch in batches]
        values[name] = None if each[0] is None or name == "state" else torch.stack(each).mean(0)
    return StepMeans(**values)


def _detached(value: Tensor) -> Tensor:
    """A value without its gradient; itself where it has none."""
    return value.detach() if value.requires_grad else value
