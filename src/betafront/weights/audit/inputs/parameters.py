"""The parameters that a loss holds itself, wherever it does: found in the graph of its value."""

import contextlib
import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import Module


@dataclass(frozen=True, eq=False)
class Parameter:
    """A tensor that is learned, or some of its elements, and its name where one is known.

    Args:
        whole: the name of the tensor.
        tensor: the tensor.
        part: the numbers of its elements; None for all.
    """

    whole: str
    tensor: Tensor
    part: tuple[int, ...] | None = None

    @property
    def elements(self) -> tuple[int, ...]:
        """The numbers of the elements."""
        return tuple(range(self.tensor.numel())) if self.part is None else self.part

    @property
    def name(self) -> str:
        """The name, with the elements where they are not all."""
        listed = "" if self.part is None else f"[{', '.join(map(str, self.part))}]"
        return self.whole + listed

    @property
    def value(self) -> str:
        """The value now, in words."""
        values = self.of(self.tensor.detach())
        if values.numel() == 1:
            return f"{self.name} = {values.item():.6g}"
        return f"{self.name} from {values.min().item():.4g} to {values.max().item():.4g}"

    def of(self, whole: Tensor) -> Tensor:
        """(K,) the elements in a tensor of the same shape."""
        return whole.flatten()[list(self.elements)]

    @contextlib.contextmanager
    def grown(self, size: int) -> Iterator[None]:
        """A context in which every side of this size is twice as long, its elements repeated."""
        before = self.tensor.data
        larger = before
        for side, length in enumerate(before.shape):
            if length == size:
                larger = torch.cat((larger, larger), side)
        try:
            set_data(self.tensor, larger)
            yield
        finally:
            set_data(self.tensor, before)

    @contextlib.contextmanager
    def moved(self, change: Tensor | float) -> Iterator[None]:
        """A context in which the elements are larger by `change`, a number or (K,)."""
        before = self.tensor.detach().clone()
        added = torch.zeros(before.numel(), dtype=before.dtype)
        added[list(self.elements)] = torch.as_tensor(change, dtype=before.dtype)
        try:
            with torch.no_grad():
                self.tensor.add_(added.view(before.shape).to(before.device))
            yield
        finally:
            with torch.no_grad():
                self.tensor.copy_(before)


def set_data(leaf: Tensor, data: Tensor) -> None:
    """Give a leaf other data, of another shape. torch drops what it keeps for the gradient, which
    has the former shape, only where the type changes too, so that it changes there and back."""
    leaf.data = data.to(torch.bfloat16 if data.dtype != torch.bfloat16 else torch.float32)
    leaf.data = data


def parameters_in(
    value: Tensor, function: Callable[..., Any], but: list[Tensor]
) -> list[Parameter]:
    """The leaves of the graph of a value that ask for a gradient, without those in `but`."""
    names = {id(held.tensor): held.whole for held in tensors_of(function)}
    found = [leaf for leaf in leaves(value) if not any(leaf is other for other in but)]
    return [
        Parameter(names.get(id(leaf), f"an unnamed tensor of shape {tuple(leaf.shape)}"), leaf)
        for leaf in found
    ]


def leaves(value: Tensor) -> list[Tensor]:
    """The leaves of a value's graph that ask for a gradient, each once."""
    if value.grad_fn is None:
        return [value] if value.requires_grad else []
    answer: dict[int, Tensor] = {}
    waiting, seen = [value.grad_fn], set()
    while waiting:
        node = waiting.pop()
        if node in seen:
            continue
        seen.add(node)
        leaf = getattr(node, "variable", None)
        if isinstance(leaf, Tensor):
            answer[id(leaf)] = leaf
        waiting += [following for following, _ in node.next_functions if following is not None]
    return list(answer.values())


def tensors_of(function: Callable[..., Any]) -> list[Parameter]:
    """The tensors that a function can reach, learned or not, each once: of its module, of its
    instance, of its closure, of its globals."""
    answer: dict[int, Parameter] = {}
    owner = getattr(function, "__self__", function)
    holders: list[Mapping[str, Any]] = [{"": owner}, getattr(owner, "__dict__", {})]
    with contextlib.suppress(TypeError):
        reached = inspect.getclosurevars(getattr(function, "__func__", function))
        holders += [reached.nonlocals, reached.globals]
    for holder in holders:
        for name, value in holder.items():
            held = {name: value} if isinstance(value, Tensor) else {}
            if isinstance(value, Module):
                held = {**dict(value.named_parameters()), **dict(value.named_buffers())}
                held = {f"{name}.{inner}".lstrip("."): held[inner] for inner in held}
            for inner, tensor in held.items():
                answer.setdefault(id(tensor), Parameter(inner, tensor))
    return list(answer.values())
