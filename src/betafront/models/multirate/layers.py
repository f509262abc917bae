"""The layers of a model that can be conditioned, since a scale and a shift of what they give can be
folded into their weights."""

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized

from betafront.models.batch_norm import BatchNorm
from betafront.models.vae import VAE

DENSE = (nn.Linear,)
CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
AFFINE = (*DENSE, *CONVOLUTIONS, *TRANSPOSED)
OF_CHANNELS = (
    nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.GroupNorm,
    nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d, BatchNorm,
)  # fmt: skip
NORMALISATIONS = (*OF_CHANNELS, nn.LayerNorm)
UNTOUCHED = ("likelihood", "p_z")
"""Parts of a VAE that are the same for every β: the conditioned scale of a likelihood is another
mechanism (`spread`)."""


class Layer(NamedTuple):
    """A layer that can be conditioned.

    Attributes:
        name: of the module within the model, with dots.
        module: the layer.
        part: of the model, `encoder`, `decoder` or another.
    """

    name: str
    module: nn.Module
    part: str

    @property
    def channels(self) -> int:
        """Of what it gives."""
        weight, _ = weights(self.module)
        if isinstance(self.module, TRANSPOSED):
            return int(self.module.out_channels)
        return len(weight)

    @property
    def dim(self) -> int:
        """Of what it gives, along which the channels are."""
        return -1 if isinstance(self.module, (*DENSE, nn.LayerNorm)) else 1


def weights(layer: nn.Module) -> tuple[Tensor, Tensor | None]:
    """The weight and the bias of a layer that can be conditioned."""
    if isinstance(layer, BatchNorm):
        return layer.scale, layer.shift
    weight, bias = layer.weight, layer.bias
    assert isinstance(weight, Tensor)
    assert bias is None or isinstance(bias, Tensor)
    return weight, bias


def conditioned(vae: VAE) -> list[Layer]:
    """The layers to condition, in the order in which the model holds them: every normalisation
    with a scale of its own, and every dense or convolutional layer but those whose scale a
    normalisation after it would take away. Left out are layers that share their weights, or compute
    them (`torch.nn.utils.parametrize`)."""
    found = list(_all(vae))
    undone = {id(before) for before in _before_normalisations(vae)}
    owners: dict[int, int] = {}
    for layer in found:
        weight, _ = weights(layer.module)
        owners[id(weight)] = owners.get(id(weight), 0) + 1
    return [
        layer for layer in found
        if id(layer.module) not in undone and owners[id(weights(layer.module)[0])] == 1
    ]  # fmt: skip


def _all(vae: VAE) -> Iterator[Layer]:
    for name, module in vae.named_modules():
        part = name.split(".")[0]
        if part in UNTOUCHED or is_parametrized(module):
            continue
        if isinstance(module, AFFINE) or _scales(module):
            yield Layer(name, module, part)


def _scales(module: nn.Module) -> bool:
    """Whether a module is a normalisation with a scale for each channel."""
    if isinstance(module, BatchNorm):
        return True
    if isinstance(module, nn.LayerNorm) and len(module.normalized_shape) != 1:
        return False
    return isinstance(module, NORMALISATIONS) and module.weight is not None


def _before_normalisations(vae: VAE) -> Iterator[nn.Module]:
    """The layers directly before a normalisation in a sequence."""
    for sequence in vae.modules():
        if isinstance(sequence, nn.Sequential):
            for one, after in pairwise(sequence):
                if isinstance(after, NORMALISATIONS):
                    yield one
