"""Augmentation: what an image goes through each time that it is trained on."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from betafront.data.seeded import seeded
from betafront.errors import UserError, one_line

BEYOND, FEW = 0.5, 0.05
"""How far interpolation and noise may take an image out of [0, 1], to whose ends it is then brought
back, and the part of a batch that may go farther, as noise now and then does: else it is another
scale."""


@dataclass(frozen=True)
class Augment:
    """Transforms of single images, as torchvision's `transforms.v2` has them, whose draws come from
    the generator of a run.

    Such transforms draw from torch's global generator, and a user's own from those of NumPy or
    Python; these are seeded for each batch with a number of the run's own and put back afterwards.
    So a run that goes on from a checkpoint has the bits that it would have had.

    Args:
        transforms: each takes a (C, H, W) image and returns one of the same shape.
        unit: whether the images lie in [0, 1], and are to stay there.
    """

    transforms: tuple[Callable[[Tensor], Tensor], ...]
    unit: bool = False

    def __call__(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """(B, C, H, W): each image with draws of its own.

        Args:
            x: (B, C, H, W) images.
            generator: on the CPU; the source of the seed.

        Raises:
            UserError: a transform fails, or changes the shape or the scale of an image.
        """
        seed = int(torch.randint(2**62, (), generator=generator))
        with seeded(seed, [x.device]):
            made = torch.stack([self._one(image) for image in x])
        return _in_unit_interval(made) if self.unit else made

    def _one(self, image: Tensor) -> Tensor:
        made = image
        for transform in self.transforms:
            name = getattr(transform, "__name__", type(transform).__name__)
            try:
                made = transform(made)
            except Exception as error:  # of a library, or of the user's own
                raise UserError(
                    f"data.augment: {name} cannot take an image of {tuple(image.shape)} (channels, "
                    f"height, width): {one_line(error)[:200]}"
                ) from error
            if not isinstance(made, Tensor) or made.shape != image.shape:
                what = tuple(made.shape) if isinstance(made, Tensor) else type(made).__name__
                raise UserError(
                    f"data.augment: {name} makes {what} of an image of {tuple(image.shape)}: an "
                    "image is to keep its shape (channels, height, width)"
                )
            if not made.is_floating_point():
                raise UserError(
                    f"data.augment: {name} makes {str(made.dtype).removeprefix('torch.')} of an "
                    "image: leave it out, as images are to stay floating-point numbers"
                )
        return made.to(image.dtype)


def _in_unit_interval(x: Tensor) -> Tensor:
    """Augmented images in [0, 1].

    Raises:
        UserError: they are on another scale.
    """
    if ((x < -BEYOND) | (x > 1 + BEYOND)).float().mean() > FEW:
        least, most = x.aminmax()
        raise UserError(
            f"data.augment makes images from {least:.4g} to {most:.4g}, and those of validation "
            "stay in [0, 1]: leave out what changes the scale, as Normalize"
        )
    return x.clamp(0, 1)
