"""What a run gains that begins with the weights of a model conditioned on β: optimiser steps.

One family is trained on digits, over a range of β. At three β of it a run begins with the weights
of the family at that β, and one with fresh weights, which takes many more steps: how many until its
D + βR on the validation split is that of the first after k steps?

    python -m benchmarks.run.fine_tuning

What is printed goes to `benchmarks/results/fine_tuning.txt`.
"""

import argparse
import tempfile
import time
from pathlib import Path

from benchmarks.common import console, say_where
from rich.table import Table

from betafront.config.begun import build_to_train
from betafront.config.compose import compose
from betafront.config.saved import save
from betafront.training import fit_one
from betafront.training.history import STEP, VAL_DISTORTION, VAL_RATE
from betafront.training.result import Result

RESULTS = Path(__file__).parents[1] / "results"
BETAS = (0.3, 1.0, 3.0)
LOW, HIGH = 0.1, 15.0
AFTER = (25, 100, 400)
SAME = ("data=digits", "trainer.accelerator=cpu", "trainer.keep=last", "metrics=fast")


def trained(folder: Path, *words: str) -> Result:
    """A run."""
    config = compose([*SAME, *words])
    save(config, folder)
    return fit_one(build_to_train(config), folder)


def values(run: Result, beta: float) -> dict[int, float]:
    """D + βR on the validation split by step."""
    rows = run.history
    return {int(row[STEP]): row[VAL_DISTORTION] + beta * row[VAL_RATE] for row in rows}


def steps_to(found: dict[int, float], value: float) -> str:
    """The first validated step with at most a value."""
    step = next((step for step, at in found.items() if at <= value), None)
    return f"> {max(found):,}" if step is None else f"{step:,}"


def main() -> None:
    """Train and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--family", type=int, default=2000, help="its optimiser steps")
    parser.add_argument("--cold", type=int, default=3000, help="those of a run with fresh weights")
    given = parser.parse_args()
    out = console()
    say_where(out, ("torch",))
    began = time.process_time()
    table = Table(box=None)
    heads = ["β", "family", *(f"after {k}" for k in AFTER), "fresh"]
    for name in [*heads, *(f"steps to {k}" for k in AFTER)]:
        table.add_column(name, justify="right")
    with tempfile.TemporaryDirectory() as place:
        family = Path(place) / "family"
        words = ("model=multirate", f"model.low={LOW}", f"model.high={HIGH}")
        trained(family, *words, f"trainer.steps={given.family}")
        for beta in BETAS:
            weight = f"objective.weight={beta}"
            start = f"trainer.start_from={family}"
            cold = values(
                trained(Path(place) / f"cold{beta}", weight, f"trainer.steps={given.cold}"), beta
            )
            ends = []
            for k in (1, *AFTER):
                run = trained(Path(place) / f"warm{beta}-{k}", weight, start, f"trainer.steps={k}")
                ends.append(min(values(run, beta).values()))
            table.add_row(
                f"{beta:g}",
                *(f"{end:.2f}" for end in ends),
                f"{min(cold.values()):.2f}",
                *(steps_to(cold, end) for end in ends[1:]),
            )
    out.print(table)
    out.print(
        "\nD + βR, nats on validation: of the family, of the run that began with its weights "
        "after k steps, of one with fresh weights at its best; and the steps that this one "
        "takes to what the other has after k. The family took "
        f"{given.family:,} steps over β from {LOW} to {HIGH}."
    )
    out.print(f"{time.process_time() - began:.0f} processor seconds")
    (RESULTS / "fine_tuning.txt").write_text(out.export_text())


if __name__ == "__main__":
    main()
