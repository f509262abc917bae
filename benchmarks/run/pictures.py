"""What the benchmarks of folders share: pictures to read, and processes to read them in."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from sklearn.datasets import load_sample_images


def write_pictures(place: Path, n: int, height: int, width: int, quality: int) -> float:
    """Write n JPEGs, cut out of the two photographs that scikit-learn ships, and return their
    MB."""
    photographs, draws = load_sample_images().images, np.random.default_rng(0)
    place.mkdir()
    for i in range(n):
        photograph = photographs[i % 2]
        top, left = (
            draws.integers(0, photograph.shape[a] - s) for a, s in enumerate((height, width))
        )
        piece = photograph[top : top + height, left : left + width]
        Image.fromarray(piece).save(place / f"{i:06}.jpg", quality=quality)
    return sum(path.stat().st_size for path in place.iterdir()) / 1e6


def forked(work: Callable[[], dict[str, Any]]) -> dict[str, Any] | None:
    """What `work` returns in a process of its own, which begins with the libraries imported; None
    where that ended before it returned."""
    source, sink = os.pipe()
    if os.fork() == 0:
        os.close(source)
        os.write(sink, json.dumps(work()).encode())
        os._exit(0)
    os.close(sink)
    with os.fdopen(source) as pipe:
        text = pipe.read()
    os.wait()
    return json.loads(text) if text else None
