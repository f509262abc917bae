"""Arguments beside x, the reconstruction, mu and log_var: masks, lengths of sequences, and further
parameters of a likelihood; in which shape and type a loss takes each."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor

EXTRA_NAMES = {
    "mask": (
        "mask masks pad_mask padding_mask key_padding_mask attention_mask attn_mask src_mask "
        "x_mask tgt_mask target_mask valid_mask seq_mask sequence_mask loss_mask node_mask "
        "token_mask observed_mask missing_mask valid observed"
    ),
    "lengths": (
        "lengths length lens seq_len seq_lens seq_lengths sequence_lengths sequence_length x_len "
        "x_lens x_lengths target_lengths n_tokens"
    ),
    "dispersion": "theta log_theta px_r dispersion disp inverse_dispersion total_count",
    "dropout": "px_dropout px_d dropout dropout_logits zi_logits pi gate zero_inflation",
}
EXTRA_OF = {name: role for role, names in EXTRA_NAMES.items() for name in names.split()}
MASKS = ("mask", "lengths")
"""The roles that leave values out."""


@dataclass(frozen=True)
class Format:
    """How a loss takes one such argument.

    Args:
        axes: the axes of the data's shape that the argument has; others it is spread over.
        ones: whether an axis that it lacks is there with size 1.
        dtype: float64 (as the loss's other numbers), bool, or int64 for lengths.
        inverted: whether 1 leaves a value out.
    """

    axes: tuple[int, ...]
    ones: bool = False
    dtype: torch.dtype = torch.float64
    inverted: bool = False

    def kept(
        self, batch: int, shape: tuple[int, ...], share: Tensor, generator: torch.Generator
    ) -> Tensor:
        """(B, *shape) 1 for values that are kept and 0 for others: `share` (B,) of the positions
        that the argument tells apart, at least one each; the first ones for lengths."""
        sides = [shape[axis] for axis in self.axes]
        count = int(torch.tensor(sides).prod())
        order = torch.arange(count, dtype=torch.float64).expand(batch, count)
        if self.dtype != torch.int64:
            order = torch.rand((batch, count), generator=generator, dtype=torch.float64)
            order = order.argsort(1).argsort(1).double()
        taken = (order < positions_kept(share, count)[:, None]).double().view(batch, *sides)
        spread = [shape[axis] if axis in self.axes else 1 for axis in range(len(shape))]
        return taken.view(batch, *spread).expand(batch, *shape)

    def give(self, kept: Tensor, flat: bool, dtype: torch.dtype) -> Tensor:
        """The argument that keeps these values (B, *shape), as the loss takes it."""
        lacking = [1 + axis for axis in range(kept.dim() - 1) if axis not in self.axes]
        value = kept.amax(lacking, keepdim=self.ones) if lacking else kept
        if self.dtype == torch.int64:
            return value.flatten(1).sum(1).long()
        value = 1 - value if self.inverted else value
        value = value.to(dtype if self.dtype == torch.float64 else self.dtype, copy=True)
        return value.flatten(1) if flat else value


def positions_kept(share: Tensor, count: int) -> Tensor:
    """(B,) how many of `count` positions a share keeps: at least one."""
    return (share * count).round().clamp(min=1)


def mask_formats(shape: tuple[int, ...], classes: int | None) -> Iterator[Format]:
    """The formats of a mask, in the order of trial: one value for each of the data, one for each
    position, one that is spread over the first axis; each as numbers and as truth values."""
    everything = tuple(range(len(shape)))
    axes = [(everything, False)]
    if classes is not None:
        axes.insert(0, (tuple(a for a in everything if a != classes), False))
    if len(shape) > 1:
        axes += [(everything[:-1], False), (everything[1:], True), (everything[1:], False)]
        axes += [(everything[:-1], True), (everything[:1], False)]
    seen = list(dict.fromkeys(pair for pair in axes if pair[0]))
    ways = list(product(seen, (torch.float64, torch.bool)))
    # The first two differ in both, so that an error of both has nothing to do with the mask.
    ways.sort(key=lambda way: way not in ((seen[0], torch.float64), (seen[-1], torch.bool)))
    for inverted, ((kept, ones), dtype) in product((False, True), ways):
        yield Format(kept, ones, dtype, inverted)


def length_formats(shape: tuple[int, ...], classes: int | None) -> Iterator[Format]:
    """Lengths along each axis that is none of classes, the first first."""
    for axis in range(len(shape)):
        if axis != classes:
            yield Format((axis,), dtype=torch.int64)


def formats(
    roles: tuple[str, ...], shape: tuple[int, ...], classes: int | None
) -> Iterator[Mapping[str, Format]]:
    """Every way to give the masks and lengths among these roles."""
    ways = {"mask": mask_formats, "lengths": length_formats}
    masks = [role for role in roles if role in ways]
    for chosen in product(*(tuple(ways[role](shape, classes)) for role in masks)):
        yield dict(zip(masks, chosen, strict=True))
