"""What conditions one layer on β: a hook on the layer, which can be folded into its weights."""

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor, nn

from betafront.models.multirate.conditioning import Conditioning
from betafront.models.multirate.layers import TRANSPOSED, Layer, weights

SHARP = 4.0
"""By how much the logit of a latent's gate falls over half of the range, at the start."""

FIRST, LAST = -1.0, 1.5
"""Where in the range, from -1 to 1, the gates of the first and the last latent are half closed at
the start: some are open throughout."""


class Hook(nn.Module, ABC):
    """Conditions one layer, and leaves the modules of the model in their places, so that what
    refers to them finds them.

    Args:
        conditioning: the β of a pass.
        layer: that is conditioned.
    """

    def __init__(self, conditioning: Conditioning, layer: Layer) -> None:
        super().__init__()
        self.conditioning = conditioning
        self.dim = layer.dim

    @abstractmethod
    def hang_on(self, layer: nn.Module) -> Any:
        """Condition a layer from now on; returns the handle by which the hook is taken off."""

    @abstractmethod
    def fold(self, layer: nn.Module, features: Tensor) -> None:
        """Give a layer the weights that it has at a β.

        Args:
            layer: of a copy of the model, without the hook.
            features: (1, size) what stands for the β.
        """

    def along(self, values: Tensor, like: Tensor) -> Tensor:
        """(n, C) values, shaped to lie along the channels of a tensor."""
        sizes = [1] * like.dim()
        sizes[0], sizes[self.dim] = values.shape
        return values.view(sizes)


class OutputHook(Hook):
    """Scales, and may shift, what a layer gives, channel by channel."""

    @abstractmethod
    def of(self, features: Tensor) -> tuple[Tensor, Tensor | None]:
        """(n, C) the scale and the shift, if there is one, of (n, size) features."""

    def hang_on(self, layer: nn.Module) -> Any:
        return layer.register_forward_hook(self._condition)

    def _condition(self, layer: nn.Module, given: Any, made: Tensor) -> Tensor:
        scale, shift = self.of(self.conditioning(made))
        scaled = made * self.along(scale, made)
        return scaled if shift is None else scaled + self.along(shift, made)

    @torch.no_grad()
    def fold(self, layer: nn.Module, features: Tensor) -> None:
        scale, shift = self.of(features)
        weight, bias = weights(layer)
        weight.mul_(_of_outputs(scale[0], layer, weight))
        if bias is not None:
            bias.mul_(scale[0])
            if shift is not None:
                bias.add_(shift[0])


class Film(OutputHook):
    """`y · (1 + a(β)) + b(β)`, both linear in what stands for β and 0 at the start. A layer without
    a bias is not shifted.

    Source: Perez et al. 2018 (FiLM), with β in the place of what they condition on.
    """

    def __init__(self, conditioning: Conditioning, layer: Layer) -> None:
        super().__init__(conditioning, layer)
        _, bias = weights(layer.module)
        self.shifts = bias is not None
        self.made = nn.Linear(conditioning.size, layer.channels * (2 if self.shifts else 1))
        nn.init.zeros_(self.made.weight)
        nn.init.zeros_(self.made.bias)

    def of(self, features: Tensor) -> tuple[Tensor, Tensor | None]:
        made: Tensor = self.made(features)
        if not self.shifts:
            return 1 + made, None
        scale, shift = made.chunk(2, dim=1)
        return 1 + scale, shift


class LatentGates(Hook):
    """A gate between 0 and 1 for each latent, or channel of a spatial code, before the decoder's
    first layer: each can leave the decoder at its own β.

    At the start the gates close one after the other with rising β. Were they all open alike, the
    large β would close every latent that the small ones alone can use, for all β: a saddle from
    which training does not come back.
    """

    def __init__(self, conditioning: Conditioning, layer: Layer) -> None:
        super().__init__(conditioning, layer)
        inputs = _inputs(layer.module)
        self.made = nn.Linear(conditioning.size, inputs)
        nn.init.zeros_(self.made.weight)
        nn.init.constant_(self.made.weight[:, 0], -SHARP)
        with torch.no_grad():
            self.made.bias.copy_(SHARP * torch.linspace(FIRST, LAST, inputs))

    def hang_on(self, layer: nn.Module) -> Any:
        return layer.register_forward_pre_hook(self._condition)

    def _condition(self, layer: nn.Module, given: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        x, *others = given
        return x * self.along(torch.sigmoid(self.made(self.conditioning(x))), x), *others

    @torch.no_grad()
    def fold(self, layer: nn.Module, features: Tensor) -> None:
        weight, _ = weights(layer)
        scale = torch.sigmoid(self.made(features))[0]
        dim = 0 if isinstance(layer, TRANSPOSED) else 1
        weight.mul_(scale.view([-1 if d == dim else 1 for d in range(weight.dim())]))


class Gate(OutputHook):
    """A gate between 0 and 1 that is linear in log β inside: of an encoder `sigmoid(w·s + b)`, of a
    decoder `sqrt(relu(1 - exp(w·s + b)))`.

    The bias starts where the gates are open. With torch's own start half of a decoder's gates are
    exactly 0, where they have no gradient.

    Source: Bae et al. 2023 (Multi-Rate VAE).
    """

    OPEN = 3.0

    def __init__(self, conditioning: Conditioning, layer: Layer) -> None:
        super().__init__(conditioning, layer)
        self.decodes = layer.part == "decoder"
        self.made = nn.Linear(conditioning.size, layer.channels)
        nn.init.constant_(self.made.bias, -self.OPEN if self.decodes else self.OPEN)

    def of(self, features: Tensor) -> tuple[Tensor, Tensor | None]:
        made = self.made(features)
        if not self.decodes:
            return torch.sigmoid(made), None
        is_open = made < 0
        # The root has no finite derivative at 0, where the gate is closed.
        square = torch.where(is_open, -torch.expm1(made), torch.ones_like(made))
        return torch.where(is_open, square.sqrt(), torch.zeros_like(made)), None


def _of_outputs(scale: Tensor, layer: nn.Module, weight: Tensor) -> Tensor:
    """The (C,) scale of the outputs of a layer, shaped for its weight."""
    if not isinstance(layer, TRANSPOSED):
        return scale.view(-1, *[1] * (weight.dim() - 1))
    groups = layer.groups  # the weight is (inputs, outputs / groups, …), the groups one by one
    each = scale.view(groups, 1, -1).expand(-1, weight.shape[0] // groups, -1)
    return each.reshape(*weight.shape[:2], *[1] * (weight.dim() - 2))


def _inputs(layer: nn.Module) -> int:
    """The channels that a dense or convolutional layer is given."""
    found = layer.in_features if isinstance(layer, nn.Linear) else layer.in_channels
    assert isinstance(found, int)
    return found
