"""Whether the encoder and the decoder of a VAE take and give what they are to."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from betafront.errors import UserError
from betafront.models.check.trying import called, counted, refuse_not_finite, shape_of, type_of
from betafront.models.vae import VAE

Sizes = tuple[int, ...]


def check_parts(vae: VAE, x: Tensor) -> None:
    """Refuse an encoder or a decoder that takes or gives something else, where the model has them
    for what a `VAE` has them for.

    Args:
        vae: the model.
        x: (n, …) examples.

    Raises:
        UserError: naming the part, what was expected of it, what it gave, and the way out.
    """
    if type(vae).encode is VAE.encode and type(vae).draw is VAE.draw:
        _check_encoded(vae, _run(vae.encoder, "encoder", x, _about_encoder(vae, x)), len(x))
    if type(vae).decode is VAE.decode and type(vae).observe is VAE.observe:
        with torch.no_grad():
            z = vae.shaped(vae.prior(len(x), torch.Generator(x.device).manual_seed(0)))
        _check_decoded(vae, _run(vae.decoder, "decoder", z, _about_decoder(vae, x)), x)


def _run(part: nn.Module, name: str, given: Tensor, about: str) -> Any:
    """What a part gives."""
    what = _named(part, name)
    types = {p.dtype for p in part.parameters() if p.is_floating_point()} - {given.dtype}
    if types:
        about = f"its weights are {_types(types)}, the data {type_of(given)}: {name}.float()"
    n = "a code" if len(given) == 1 else f"{len(given)} codes"
    given_to = counted(len(given)) if name == "encoder" else n
    return called(what, f"on {given_to} {tuple(given.shape)} ({about})", lambda: part(given))


def _about_encoder(vae: VAE, x: Tensor) -> str:
    return f"it is to take {_batch(x.shape[1:])} and give {_batch(_width(vae))}"


def _about_decoder(vae: VAE, x: Tensor) -> str:
    output = vae.likelihood.output_shape(tuple(x.shape[1:]))
    return f"it is to take {_batch(vae.latent_shape)} and give {_batch(output)}"


def _width(vae: VAE) -> Sizes:
    """What the encoder gives of one example: means and log variances of each channel."""
    channels, *rest = vae.latent_shape
    return (2 * channels, *rest)


def _check_encoded(vae: VAE, raw: Any, n: int) -> None:
    what, wanted = _named(vae.encoder, "encoder"), _width(vae)
    if isinstance(raw, tuple | list) and len(raw) == 2:
        for part, each in zip(("means", "log variances"), raw, strict=True):
            if not isinstance(each, Tensor) or tuple(each.shape) != (n, *vae.latent_shape):
                raise UserError(
                    f"model: {what} gives a pair, of which the {part} are to be "
                    f"{_batch(vae.latent_shape)} and are {shape_of(each)} of {counted(n)}"
                    + _latents_to_take(each, vae.latent_shape, 1)
                )
            refuse_not_finite(each, f"{what}, in its {part},")
        return
    if not isinstance(raw, Tensor):
        raise UserError(
            f"model: {what} gives {shape_of(raw)}, and is to give one tensor {_batch(wanted)}, or "
            "the pair (means, log variances)"
            + (": return out['mean'], out['log_var']" if isinstance(raw, Mapping) else "")
        )
    if tuple(raw.shape) != (n, *wanted):
        raise UserError(
            f"model: {what} is to give {_batch(wanted)}, means and log variances of "
            f"{_latents(vae.latent_shape)}, and gave {tuple(raw.shape)} of {counted(n)}"
            + _way_out_of_encoder(vae, raw, n)
        )
    refuse_not_finite(raw, what)


def _way_out_of_encoder(vae: VAE, raw: Tensor, n: int) -> str:
    wanted = _width(vae)
    if len(raw) != n:
        return _batch_changed(n)
    if tuple(raw.shape[1:]) == vae.latent_shape:
        return (
            ": that is a mean alone, as of an autoencoder; give as many log variances after it, "
            "along dimension 1"
        )
    if raw.ndim > 2 and len(vae.latent_shape) == 1:
        if raw[0].numel() == wanted[0]:
            return ": end it in nn.Flatten()"
        return (
            ": flatten it, or for a spatial code take "
            f"model.latents={[max(1, raw.shape[1] // 2), *raw.shape[2:]]}"
        )
    return _latents_to_take(raw, vae.latent_shape, 2)


def _latents_to_take(made: Any, latent_shape: Sizes, parts: int) -> str:
    """The latents that an output is made for, as a way out."""
    fits = isinstance(made, Tensor) and made.ndim == len(latent_shape) + 1
    if not fits or made.shape[1] % parts:
        return ""
    channels, *rest = made.shape[1:]
    found = [channels // parts, *rest] if rest else channels // parts
    return f": change its last layer, or take model.latents={found}"


def _check_decoded(vae: VAE, params: Any, x: Tensor) -> None:
    what, n = _named(vae.decoder, "decoder"), len(x)
    wanted = vae.likelihood.output_shape(tuple(x.shape[1:]))
    if not isinstance(params, Tensor):
        both = isinstance(params, tuple | list)
        raise UserError(
            f"model: {what} gives {shape_of(params)}, and is to give one tensor {_batch(wanted)}"
            + (", the parameters one after the other along dimension 1: torch.cat" if both else "")
        )
    if tuple(params.shape) != (n, *wanted):
        raise UserError(
            f"model: {what} is to give {_batch(wanted)}, the parameters of "
            f"{type(vae.likelihood).__name__}, and gave {tuple(params.shape)} of {counted(n)}"
            + _way_out_of_decoder(vae, params, x)
        )
    refuse_not_finite(params, what)


def _way_out_of_decoder(vae: VAE, params: Tensor, x: Tensor) -> str:
    wanted, outputs = vae.likelihood.output_shape(tuple(x.shape[1:])), vae.likelihood.outputs
    if len(params) != len(x):
        return _batch_changed(len(x))
    if params[0].numel() == torch.Size(wanted).numel():
        return f": end it in nn.Unflatten(1, {wanted})"
    if params.shape == x.shape and outputs > 1:
        return f": this likelihood has {outputs} parameters for each number of the data"
    return ""


def _batch_changed(n: int) -> str:
    return (
        f": the first dimension is the batch, and stays {n}; look for squeeze(), and for view() or "
        "reshape() with a written size"
    )


def _named(part: nn.Module, name: str) -> str:
    return f"the {name} ({type(part).__name__})"


def _batch(sizes: Any) -> str:
    """A shape with a batch of any size before it."""
    return f"({', '.join(['B', *map(str, sizes)])})"


def _latents(latent_shape: Sizes) -> str:
    total = f"{torch.Size(latent_shape).numel()} latents"
    return total if len(latent_shape) == 1 else f"{total} {latent_shape}"


def _types(types: set[torch.dtype]) -> str:
    return ", ".join(sorted(str(each).removeprefix("torch.") for each in types))
