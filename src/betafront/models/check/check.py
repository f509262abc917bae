"""Whether a model keeps the contract: tried on examples of the data before anything is trained."""

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from betafront.errors import UserError
from betafront.models.check.parts import check_parts
from betafront.models.check.trying import called, counted, refuse_not_finite, shape_of
from betafront.models.eval_mode import evaluating
from betafront.models.family import Family
from betafront.models.model import Model
from betafront.models.vae import VAE


@torch.enable_grad()
def check_model(model: Model, x: Tensor) -> None:
    """Refuse a model that breaks the contract on examples of the data, or cannot be trained.

    It is run on two examples as in training and on one as in evaluation; gradients are taken, and
    nothing is learned. Its lazy layers get their weights here, and layers that keep statistics of
    their batches those of these examples, so it is not the model to train.

    Args:
        model: untrained, each of its modules in the mode in which it will be trained.
        x: (2, …) examples, on the device of the model.

    Raises:
        UserError: saying which part was to give what, what it gave instead, and the way out.
    """
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise UserError(
            f"model: {type(model).__name__} has no parameters to train{_parts_of(model)}: keep "
            "layers as attributes of a module (lists of them in nn.ModuleList), and some of them "
            "with requires_grad"
        )
    of_each = model.spread(0, len(x)) if isinstance(model, Family) else nullcontext()
    with of_each:
        rate, log_px = _terms(model, x)
    _check_gradients(model, rate, log_px)
    with evaluating(model), torch.no_grad():
        _terms(model, x[:1])


@torch.no_grad()
def check_log_ratio(model: Model, x: Tensor) -> None:
    """Refuse a model whose draws cannot be weighed by p(z)/q(z|x), as several draws of an example
    are in training.

    Args:
        model: that `check_model` has taken.
        x: (n, …) examples, on the device of the model.

    Raises:
        UserError: its `draw` gives no log_ratio, or one of another shape.
    """
    draws = 2
    draw = model(x, torch.Generator(x.device).manual_seed(0), draws=draws).draw
    what = f"the model ({type(model).__name__}): its draw (log_ratio)"
    if draw.log_ratio.shape != (rows := (draws * len(x),)):
        raise UserError(
            f"model: {what} is to give {rows} for {draws} draws of {counted(len(x))}, and gave "
            f"{shape_of(draw.log_ratio)}"
        )
    refuse_not_finite(draw.log_ratio, what)


def _terms(model: Model, x: Tensor) -> tuple[Tensor, Tensor]:
    """The KL and log p(x|z) of a few examples, once all shapes and values are right."""
    made_of = model.at(model.beta) if isinstance(model, Family) else model
    if isinstance(made_of, VAE):
        check_parts(made_of, x)
    n, latents = len(x), model.latents
    noise = torch.Generator(x.device).manual_seed(0)
    of = f"the model ({type(model).__name__})"

    def run(
        method: str, wanted: tuple[int, ...], call: Callable[[], Any], *, more: bool = False
    ) -> Tensor:
        """What a method gives, which is to have the shape `wanted`, or to begin with it."""
        what = f"{of}: its {method}"
        made = called(what, given, call)
        if (
            not isinstance(made, Tensor)
            or (made.shape[: len(wanted)] if more else made.shape) != wanted
        ):
            raise UserError(
                f"model: {what} is to give {wanted} for {counted(n)}, and gave {shape_of(made)}"
            )
        if x.is_floating_point() or not more:  # symbols are decoded to symbols
            refuse_not_finite(made, what)
        return made

    given = f"for {counted(n)} {shape_of(x)}"
    encoded = called(f"{of}: its encode", given, lambda: model.encode(x))
    draw = called(f"{of}: its draw", given, lambda: model.draw(encoded, noise))
    z = run("draw (z)", (n, latents), lambda: draw.z)
    kl = run("draw (kl)", (n, latents), lambda: draw.kl)
    log_px = run("log_px", (n,), lambda: model.log_px(z, x))
    run("means", (n, latents), lambda: model.means(encoded))
    run("decode", (n,), lambda: model.decode(z), more=True)
    run("prior", (n, latents), lambda: model.prior(n, noise))
    return kl.sum(), log_px.sum()


def _check_gradients(model: Model, rate: Tensor, log_px: Tensor) -> None:
    """Refuse a model of which a part would not be trained.

    Args:
        model: the model.
        rate, log_px: () sums over the examples.
    """
    if strangers := _strangers(model, rate - log_px):
        shapes = ", ".join(str(tuple(each.shape)) for each in strangers[:3])
        raise UserError(
            f"model: {type(model).__name__} computes with {len(strangers)} weights that are no "
            f"parameters of it, of the shapes {shapes}: they would be neither trained nor saved. "
            "Keep layers as attributes of a module, lists of them in nn.ModuleList, and weights as "
            "nn.Parameter"
        )
    if isinstance(model, VAE) and type(model).draw is VAE.draw:
        _check_part(model.encoder, "encoder", rate, "it gives is detached from its weights")
        _check_part(model.decoder, "decoder", log_px, "it gives is detached from its weights")
        _check_part(model.encoder, "encoder", log_px, "the decoder gives is detached from z")
    elif all(each is None for each in gradients(rate - log_px, model)):
        raise UserError(
            f"model: no gradient of log_px and kl reaches a parameter of {type(model).__name__}: "
            "look for detach(), torch.no_grad() or numpy on the way"
        )


def _check_part(part: nn.Module, name: str, of: Tensor, why: str) -> None:
    """Refuse a part with weights to train that a term of the loss does not reach."""
    if not any(parameter.requires_grad for parameter in part.parameters()):
        return  # it is frozen, or has no weights
    found = [each for each in gradients(of, part) if each is not None]
    if not found:
        raise UserError(
            f"model: no gradient reaches the {name} ({type(part).__name__}): what {why}; look for "
            "detach(), torch.no_grad(), argmax, rounding or numpy in its forward"
        )
    if not all(bool(torch.isfinite(each).all()) for each in found):
        raise UserError(
            f"model: the gradient of the {name} ({type(part).__name__}) is NaN or infinite before "
            "anything is trained: look for a root, logarithm or division at 0"
        )


def gradients(of: Tensor, part: nn.Module) -> tuple[Tensor | None, ...]:
    """The gradients of `of` by the parameters of a part that are trained; None where there is
    none."""
    trained = [parameter for parameter in part.parameters() if parameter.requires_grad]
    if not of.requires_grad:
        return (None,) * len(trained)
    return torch.autograd.grad(of, trained, retain_graph=True, allow_unused=True)


def _strangers(model: Model, loss: Tensor) -> list[Tensor]:
    """The weights that a loss depends on and the model does not own."""
    own = {id(parameter) for parameter in model.parameters()}
    return [leaf for leaf in _leaves(loss) if id(leaf) not in own]


def _leaves(of: Tensor) -> Iterator[Tensor]:
    """The tensors at which the gradient of `of` ends."""
    waiting, seen = [of.grad_fn], set[Any]()
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if (leaf := getattr(node, "variable", None)) is not None:
            yield leaf
        waiting += [before for before, _ in node.next_functions]


def _parts_of(model: Model) -> str:
    if not isinstance(model, VAE):
        return ""
    names = type(model.encoder).__name__, type(model.decoder).__name__
    return f", neither in its encoder ({names[0]}) nor in its decoder ({names[1]})"
