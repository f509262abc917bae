"""Seconds and memory of a forecast of large images that are read part by part.

The images are noise of 64 known directions over 3 x 64 x 64 pixels, 8 bits each, in a file; their
leading eigenvalues are known, and printed beside those that are found.

    python -m benchmarks.run.forecast --threads 2
"""

import argparse
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from benchmarks.common import say_where
from rich.console import Console
from torch import Tensor

from betafront.data.streamed import OnDemand, Streamed
from betafront.forecast.forecast import forecast
from betafront.objective import Bernoulli, Gaussian, Likelihood, Objective, normalisation

SHAPE, N, DIRECTIONS, LATENTS = (3, 64, 64), 3 * 64 * 64, 64, 32
AT_ONCE = 1000


class Rows:
    """Images of a file, by their rows."""

    def __init__(self, path: Path, n: int, above: float | None) -> None:
        self.images = np.memmap(path, np.uint8, "r", shape=(n, N))
        self.above = above

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, rows: Tensor) -> Tensor:
        x = torch.from_numpy(self.images[rows.numpy()]).view(-1, *SHAPE).float() / 255
        return x if self.above is None else (x > self.above).float()


def write(path: Path, n: int) -> np.ndarray:
    """Write the images, and return the eigenvalues of their covariance before rounding."""
    random = np.random.default_rng(0)
    directions, _ = np.linalg.qr(random.standard_normal((N, DIRECTIONS)).astype(np.float32))
    scale = 4.0 * np.arange(1, DIRECTIONS + 1, dtype=np.float32) ** -0.7
    with path.open("wb") as file:
        for _ in range(0, n, AT_ONCE):
            x = random.standard_normal((AT_ONCE, DIRECTIONS), dtype=np.float32) * scale
            x = 0.5 + x @ directions.T + 0.05 * random.standard_normal((AT_ONCE, N), np.float32)
            file.write((255 * x.clip(0, 1)).round().astype(np.uint8).tobytes())
    return scale**2 + 0.05**2


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    out = Console(width=100, highlight=False)
    say_where(out)
    likelihoods: list[tuple[Likelihood, float | None]] = [(Gaussian(), None), (Bernoulli(), 0.5)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "images"
        known = write(path, given.images)
        for likelihood, above in likelihoods:
            rows = OnDemand(Rows(path, given.images, above), SHAPE)
            few = OnDemand(Rows(path, AT_ONCE, above), SHAPE)
            data = Streamed("noise", rows, few, few, named="")
            began, before = time.perf_counter(), time.process_time()
            found = forecast(data, likelihood, Objective(1.0, normalisation("sum"), N, LATENTS))
            seconds, used = time.perf_counter() - began, time.process_time() - before
            most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            out.print(
                f"{type(likelihood).__name__}: {seconds:.0f} s, {used:.0f} processor seconds, "
                f"{most:,.0f} MiB at most; β_c = {found.beta_c:.4g}"
            )
            if found.front is not None:
                off = found.front.values / known[:LATENTS] - 1
                out.print(
                    f"  the first {LATENTS} eigenvalues are off by {abs(off).max():.1%} at most"
                )


if __name__ == "__main__":
    main()
