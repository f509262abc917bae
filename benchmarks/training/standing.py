"""How runs stand over β and the number of their steps, with the last weights and with the best.

`betafront train objective.weight=B trainer.steps=S seed=N` on scikit-learn's digits (mlp, Gaussian
with the optimal σ): D + R in nats per example on validation and on training, 8 draws of z, and the
standing. Each run is trained once, and its last state evaluated again with `trainer.keep=last`. A
run that stands in `results/standing.csv` is not trained again.

    python -m benchmarks.training.standing
    python -m benchmarks.training.standing --data mnist --batch 128 --steps 2000 --betas 1
"""

import argparse
import csv
import itertools
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.common import console, say_where
from rich.table import Table

FILE = Path(__file__).parents[1] / "results" / "standing.csv"
CASE = ("data", "batch", "beta", "steps", "seed", "keep")
FOUND = (
    "state", "kept_step", "val", "train", "test",
    "falling", "falling_error", "over", "over_error", "since", "gap",
)  # fmt: skip
Row = dict[str, Any]


def run_of(case: Row, keep: str) -> Any:
    """The run of a case."""
    from betafront.config.build import build
    from betafront.config.compose import compose

    return build(
        compose(
            [
                f"data={case['data']}",
                f"trainer.batch_size={case['batch']}",
                f"objective.weight={case['beta']}",
                f"trainer.steps={case['steps']}",
                f"seed={case['seed']}",
                f"trainer.keep={keep}",
                "trainer.accelerator=cpu",
            ]
        )
    )


def measured(case: Row) -> Iterator[Row]:
    """Train a case once, and measure it with its best and with its last weights."""
    from betafront.training import RunFolder, fit_one

    with tempfile.TemporaryDirectory() as place:
        best, last = (RunFolder(Path(place) / keep) for keep in ("best", "last"))
        fit_one(run_of(case, "best"), best.path)
        last.path.mkdir()
        shutil.copyfile(best.last, last.checkpoint)  # after its last step, so nothing is trained
        fit_one(run_of(case, "last"), last.path)
        for keep, folder in (("best", best), ("last", last)):
            yield case | {"keep": keep} | found(run_of(case, keep), folder)


def found(run: Any, folder: Any) -> Row:
    """What came of a run."""
    from betafront.config.saved import saved_model
    from betafront.training import Result

    result = Result.load(folder.path)
    standing = result.standing
    assert standing is not None
    vae = saved_model(folder.path, run.vae())
    train = run.evaluate(vae, run.data.examples("train"), seed=run.seed).values
    values = {
        "state": standing.state,
        "kept_step": standing.step,
        "val": result.metrics["val/negative_elbo"],
        "test": result.metrics["test/negative_elbo"],
        "train": train["negative_elbo"],
    }
    return {name: values.get(name, getattr(standing, name, None)) for name in FOUND}


def read() -> list[Row]:
    """The rows that were measured before."""
    if not FILE.is_file():
        return []
    with FILE.open() as source:
        return list(csv.DictReader(source))


def write(rows: list[Row]) -> None:
    """Write the table."""
    with FILE.open("w", newline="") as sink:
        table = csv.DictWriter(sink, [*CASE, *FOUND])
        table.writeheader()
        for row in rows:
            table.writerow({k: f"{v:.4g}" if isinstance(v, float) else v for k, v in row.items()})


def same(row: Row, case: Row) -> bool:
    """Whether a row of the table is of a case."""
    return all(str(row[name]) == str(case[name]) for name in case)


def show(rows: list[Row], steps: list[int]) -> Table:
    """The rows as a table, a line per run."""
    table = Table(box=None)
    for name in ("β", "steps", "seed", "keep", "standing", "of step", "val", "train", "over"):
        table.add_column(name, justify="left" if name in ("keep", "standing") else "right")
    for row in sorted(rows, key=lambda r: (r["keep"], int(r["steps"]), float(r["beta"]))):
        if int(row["steps"]) in steps:
            over = "" if row["over"] in (None, "") else f"{float(row['over']):.1f}"
            table.add_row(
                str(row["beta"]), str(row["steps"]), str(row["seed"]), row["keep"], row["state"],
                str(row["kept_step"]), f"{float(row['val']):.1f}", f"{float(row['train']):.1f}",
                over,
            )  # fmt: skip
    return table


def main() -> None:
    """Measure what is missing, and print the table."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--data", default="digits")
    words.add_argument("--batch", type=int, default=64)
    words.add_argument("--betas", type=float, nargs="+", default=[0.5, 0.81, 1, 1.6, 3])
    words.add_argument("--steps", type=int, nargs="+", default=[800, 8000])
    words.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    asked = words.parse_args()
    out, rows = console(), read()
    say_where(out, ("torch", "pytorch-lightning"))
    for steps, beta, seed in itertools.product(asked.steps, asked.betas, asked.seeds):
        case = {
            "data": asked.data, "batch": asked.batch, "beta": f"{beta:g}", "steps": steps,
            "seed": seed,
        }  # fmt: skip
        if any(same(row, case) for row in rows):
            continue
        rows += measured(case)
        write(rows)
    out.print(show([row for row in rows if row["data"] == asked.data], asked.steps))


if __name__ == "__main__":
    main()
