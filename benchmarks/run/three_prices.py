"""A study with and without the two cheaper answers: trials and processor seconds to 99 % of the
hypervolume that the plain study ends with.

Three studies for each seed: with a wide range of the weight, with the range of the
forecast (`objective.weight=auto`), and with that and a scout (`study.scout=multirate`). Each is a
sweep with one worker, a process of its own; the seconds of a trial are those of the sweep over its
trials, and the scout's are what its sweep took more.

    python -m benchmarks.run.three_prices
    python -m benchmarks.run.three_prices --data mnist --trials 16 --steps 800 --seeds 2

What is printed goes to `benchmarks/results/three_prices/DATA.txt`.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd
from benchmarks.common import console, say_where
from rich.table import Table

from betafront.front.front import hypervolume
from betafront.front.table import PLANE
from betafront.study.lookup import find_study
from betafront.study.results.table import table as table_of

RESULTS = Path(__file__).parents[1] / "results/three_prices"
WIDE = "objective.weight=tag(log,interval(0.001,100))"
KINDS = {
    "plain, 0.001 to 100": (WIDE,),
    "forecast": ("objective.weight=auto",),
    "forecast, scout": ("objective.weight=auto", "study.scout=multirate"),
}
SAME = (
    "study.workers=1", "hydra/launcher=basic", "tracking=off", "trainer.accelerator=cpu",
)  # fmt: skip
ENOUGH = 0.99


def swept(name: str, runs: Path, *words: str) -> tuple[pd.DataFrame, list[float], float]:
    """The trials of a sweep in their order, its reference point, and its processor seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-m", "betafront", "sweep", *SAME, f"study.name={name}", *words],
        env=os.environ | {"BETAFRONT_RUNS": str(runs)},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    study, spec = find_study(name)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return table_of(study.trials, PLANE).sort_values("trial"), spec.reference or [], seconds


def trials_to(trials: pd.DataFrame, reference: list[float], wanted: float) -> int | None:
    """How many of the trials have so much hypervolume; None where all have less."""
    for n in range(1, len(trials) + 1):
        if hypervolume(trials.iloc[:n], PLANE, reference) >= wanted:
            return n
    return None


def main() -> None:
    """Sweep and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", default="digits")
    parser.add_argument("--trials", type=int, default=24)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--results", type=Path, default=RESULTS, help="the folder of DATA.txt")
    given = parser.parse_args()
    out = console()
    say_where(out)
    out.print(f"data={given.data}, {given.trials} trials of {given.steps} steps")
    rows, needed = Table(box=None), {kind: list[float | None]() for kind in KINDS}
    for name in ("seed", "study", "hypervolume", "trials to 99 %", "processor seconds to it"):
        rows.add_column(name, justify="left" if name == "study" else "right")
    with tempfile.TemporaryDirectory() as place:
        os.environ["BETAFRONT_RUNS"] = place
        for seed in range(given.seeds):
            wanted, without = 0.0, 0.0
            every = (
                f"data={given.data}", f"study.seed={seed}", f"trainer.steps={given.steps}",
                f"study.budget.trials={given.trials}",
            )  # fmt: skip
            for i, (kind, words) in enumerate(KINDS.items()):
                trials, reference, seconds = swept(f"s{seed}-{i}", Path(place), *every, *words)
                reached = hypervolume(trials, PLANE, reference)
                if i == 0:
                    wanted = ENOUGH * reached
                scout = "scout" in kind
                each = (without if scout else seconds) / given.trials
                without = seconds
                n = trials_to(trials, reference, wanted)
                before = max(seconds - each * given.trials, 0.0) if scout else 0.0
                took = None if n is None else before + n * each
                needed[kind].append(took)
                said = "-" if took is None else f"{took:.0f}"
                if scout and took is not None:
                    said += f", {before:.0f} of them the scout"
                enough = "never" if n is None else str(n)
                rows.add_row(str(seed), kind, f"{reached:.1f}", enough, said)
                print(seed, kind, f"{reached:.1f}", n, took, file=sys.stderr, flush=True)
    out.print(rows)
    for kind, found in needed.items():
        there = [seconds for seconds in found if seconds is not None]
        median = f"{statistics.median(there):.0f}" if there else "-"
        out.print(f"{kind}: {median} processor seconds in the median of {len(there)} seeds")
    given.results.mkdir(parents=True, exist_ok=True)
    (given.results / f"{given.data}.txt").write_text(out.export_text())


if __name__ == "__main__":
    main()
