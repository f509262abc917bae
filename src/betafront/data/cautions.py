"""What to be careful with in data, before anything is trained on it."""

import math
from collections import Counter
from collections.abc import Iterator

from torch import Tensor

from betafront.data.data import Data

VALUES = 2**26
"""Numbers that are looked at, of all splits together (268 MB): those of MNIST's 70,000 images are
fewer. Of larger data these are the first examples of each split."""

FLAT = 0.01
"""Data is nearly constant where no data dimension differs between two examples by more than this
part of the greatest value: a grey level or two of 8-bit images."""

MOST = 0.5
"""The part of the training examples that may be one and the same."""

COPIES = 0.01
"""The part of a split that may be copies of training examples. Copies pull D + R from its value on
new examples to that on the training split; the two can be 100 nats apart, and a hundredth of that
is a nat."""

SPREAD, BINARY_SPREAD = 1.5, 0.2
"""The standard deviation, over examples, of the difference of two runs in D + R, in nats times √N.
Measured between runs of β that differ by a factor of 2 to 4, or by the seed alone: 10 to 20 nats on
digits (N = 64: 1.3 to 2.5 √N), 44 on MNIST (N = 784: 1.6 √N), with optimal σ; 6.8 on binary sprites
of 32 x 32 pixels (0.2 √N), Bernoulli. Of N independent errors it is of the order of √N, since a
Gaussian's log-density is ½ of a χ² with N degrees of freedom; of a binary image most pixels are
certain, and add nothing."""

NAT = 1.0
"""The standard error of a difference in D + R, in nats, beyond which it is named."""


def data_cautions(data: Data) -> list[str]:
    """What in the data will make results say less than they seem to, a sentence each.

    Named are training data that is constant or nearly so, or mostly one example; validation and
    test examples that are copies of training examples, bit for bit; and a validation split on which
    a nat of D + R cannot be seen; and how the data was read, where that decides its scale.

    Args:
        data: of which no more than VALUES numbers are looked at.
    """
    parts = _looked_at(data)
    constant = [*_constant(parts["train"], data.name)]
    found = constant or [*_same(parts["train"], data.name), *_copies(parts, data)]
    return [*filter(None, [data.note]), *found, *_few(data, parts["val"])]


def _looked_at(data: Data) -> dict[str, Tensor]:
    """The first examples of each split; of validation and test a quarter of VALUES at most."""
    room = max(8, VALUES // math.prod(data.shape))  # examples
    held_out = {s: data.examples(s, min(data.size(s), room // 4)) for s in ("val", "test")}
    rest = room - sum(map(len, held_out.values()))
    return {**held_out, "train": data.examples("train", min(data.at_hand("train"), rest))}


def _constant(x: Tensor, name: str) -> Iterator[str]:
    """Training examples that do not differ, or hardly."""
    differs = float((x.amax(0) - x.amin(0)).max())
    if differs == 0:
        yield (
            f"All training examples of {name} are equal ({len(x):,} were looked at): there is "
            "nothing to learn, and D + R says nothing about a model."
        )
    elif differs < FLAT * (greatest := float(x.abs().max())):
        yield (
            f"{name} is nearly constant: no number differs by more than {differs:.2g} between two "
            f"training examples, with {greatest:.3g} the greatest. Subtract what is constant and "
            "scale the rest, or D + R is that of the noise."
        )


def _same(x: Tensor, name: str) -> Iterator[str]:
    """One example that most of the training split consists of."""
    (_, most), *_ = Counter(_hashes(x)).most_common(1)
    if most > MOST * len(x):
        yield (
            f"{most:,} of {len(x):,} training examples of {name} are one and the same: D + R is "
            "mostly that of this example."
        )


def _copies(parts: dict[str, Tensor], data: Data) -> Iterator[str]:
    """Held-out examples that are in the training split too."""
    known = set(_hashes(parts["train"]))
    found = {}
    for split, word in (("val", "validation"), ("test", "test")):
        n, copies = len(parts[split]), sum(h in known for h in _hashes(parts[split]))
        if copies > COPIES * n:
            found[word] = f"{copies:,} of {n:,} {word} examples"
    if found:
        part = len(parts["train"]) < data.size("train")
        those = f"the first {len(parts['train']):,} training examples" if part else (
            "training examples"
        )  # fmt: skip
        yield (
            f"{' and '.join(found.values())} of {data.name} are copies of {those}: on them no "
            "overfitting shows. Remove the copies, or keep them within one split."
        )


def _few(data: Data, val: Tensor) -> Iterator[str]:
    """Too few validation examples to see a nat of D + R."""
    n = data.size("val")
    binary = bool(((val == 0) | (val == 1)).all())
    spread = (BINARY_SPREAD if binary else SPREAD) * math.sqrt(data.dims)
    error = spread / math.sqrt(n)
    if error > NAT:
        enough = math.ceil((spread / NAT) ** 2)
        yield (
            f"{data.name} has {n:,} validation examples: a difference of two runs in D + R has a "
            f"standard error of about {error:.2g} nats, and less than that is chance. About "
            f"{enough:,} would show 1 nat: give more examples, or a larger part of them (data.val)."
        )


def _hashes(x: Tensor) -> list[int]:
    """A number for each example, the same for the same values; others have others, but for a chance
    of 2⁻⁶⁴ a pair."""
    return [hash(row.tobytes()) for row in (x + 0.0).flatten(1).cpu().numpy()]  # -0.0 becomes 0.0
