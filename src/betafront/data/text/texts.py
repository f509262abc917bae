"""What a model makes of sentences, as text to read."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from betafront.data.data import Outcome
from betafront.files import write_whole
from betafront.models import Model

EXAMPLES = 12  # of the validation split, whose reconstructions are shown
PAIRS, STEPS = 4, 6  # of examples, and from one to the other
SAMPLES = 24

Sentence = Callable[[Tensor], str]
Block = Sequence[tuple[str, str]]
"""Lines that belong together, each a label and a sentence."""


@torch.no_grad()
def write(model: Model, x: Tensor, sentence: Sentence, outcome: Outcome, folder: Path) -> None:
    """Write what a model makes of sentences.

    - `reconstructions.txt`: sentences, their greedy reconstructions at the posterior's mean, and
      draws from p(x|z) there;
    - `interpolations.txt`: the greedy sentences on the way from one code to another;
    - `samples.txt`: greedy sentences of draws of the prior, and draws from p(x|z) at these.

    Draws from p(x|z) are there where the model has `sample(z, noise) -> (n, L)`.

    Args:
        model: trained.
        x: (n, L) validation sentences, on the model's device.
        sentence: the words of (L,) symbols.
        outcome: of the run.
        folder: for the files, which is made.
    """
    folder.mkdir(exist_ok=True)
    model.eval()
    noise = torch.Generator(x.device).manual_seed(outcome.seed)
    z, prior = model.code(x), model.prior(SAMPLES, noise)

    def made(symbols: Tensor) -> list[str]:
        return [sentence(each) or "(nothing)" for each in symbols]

    def of_codes(z: Tensor) -> dict[str, list[str]]:
        sample = getattr(model, "sample", None)
        drawn = {} if sample is None else {"sampled": made(sample(z, noise))}
        return {"greedy": made(model.decode(z)), **drawn}

    write_blocks(
        folder / "reconstructions.txt",
        "Sentences of the validation split, and what the model makes of their codes.",
        _side_by_side({"given": made(x), **of_codes(z)}),
    )
    write_blocks(
        folder / "interpolations.txt",
        "From the code of one sentence to that of another, in equal steps.",
        [_way(model, made, x[i : i + 2], z[i : i + 2]) for i in range(0, len(x) - 1, 2)][:PAIRS],
    )
    write_blocks(
        folder / "samples.txt",
        "Draws of the prior, and what the model makes of them.",
        _side_by_side(of_codes(prior)),
    )


def write_blocks(path: Path, head: str, blocks: Iterable[Block]) -> None:
    """Write a line that says what is shown, and blocks of lines with an empty line between them."""
    lines = [head]
    for block in blocks:
        width = max(len(label) for label, _ in block)
        lines += ["", *(f"{label:<{width}}  {text}".rstrip() for label, text in block)]
    write_whole(path, "\n".join(lines) + "\n")


def _side_by_side(columns: dict[str, list[str]]) -> list[Block]:
    """A block of each example."""
    return [list(zip(columns, texts, strict=True)) for texts in zip(*columns.values(), strict=True)]


def _way(model: Model, made: Callable[[Tensor], list[str]], x: Tensor, z: Tensor) -> Block:
    """The greedy sentences from one code to another, between the two sentences themselves."""
    along = torch.linspace(0, 1, STEPS, device=z.device, dtype=z.dtype)[:, None]
    on_the_way = made(model.decode(torch.lerp(z[:1], z[1:], along)))
    first, last = made(x)
    steps = [(f"{float(share):.0%}", text) for share, text in zip(along, on_the_way, strict=True)]
    return [("from", first), *steps, ("to", last)]
