"""One model for the whole curve beside separate runs: D, R and D + βR on the test images.

Every run is kept in a file of the folder, and what is there is not trained again; so the separate
runs and the families may be trained by two processes, and the table printed by a third.

    python -m benchmarks.run.multirate --name digits
    python -m benchmarks.run.multirate --name mnist --runs separate data=mnist …
"""

import argparse
import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import moocore
import numpy as np
from benchmarks.common import say_where
from rich.console import Console
from rich.table import Table

from betafront.config.build import build
from betafront.config.compose import compose
from betafront.training import fit_one

RESULTS = Path(__file__).parents[1] / "results" / "multirate"
LOW, HIGH = 0.01, 10.0
FAMILIES = {
    "FiLM": ["model.kind=film", "model.balance=1"],
    "FiLM, loss as it is": ["model.kind=film", "model.balance=0"],
    "gates": ["model.kind=gates", "model.balance=1"],
    "gates, loss as it is": ["model.kind=gates", "model.balance=0"],
}


def main() -> None:
    """Measure, and print the table of what there is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--name", default="digits", help="of the folder of the results")
    parser.add_argument("--model", default="mlp", help="a choice of conf/model")
    parser.add_argument("--steps", type=int, default=1000, help="of a separate run")
    parser.add_argument("--times", type=float, default=1.0, help="as many steps of a family")
    parser.add_argument("--betas", type=float, nargs="+", default=[0.01, 0.1, 1.0, 10.0])
    parser.add_argument("--families", nargs="*", default=["FiLM"], choices=list(FAMILIES))
    parser.add_argument("--points", type=int, default=10, help="of the curve")
    parser.add_argument("--runs", choices=["separate", "family", "both", "none"], default="both")
    parser.add_argument("overrides", nargs="*", help="of every run, as data=mnist")
    given = parser.parse_args()
    folder = RESULTS / given.name
    for label, overrides in _runs(given):
        path = folder / f"{label}.json"
        if not path.exists():
            folder.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(_measured(overrides), indent=1))
    out = Console(width=100, highlight=False)
    say_where(out)
    _print(folder, out)


def _runs(given: argparse.Namespace) -> Iterator[tuple[str, list[str]]]:
    """The runs by their labels, and what each differs in from the default."""
    if given.runs in ("separate", "both"):
        for beta in given.betas:
            of_run = [f"model={given.model}", f"trainer.steps={given.steps}"]
            own = [f"objective.weight={beta}", "normalisation=sum"]
            yield f"β = {beta:g}", [*of_run, *own, *given.overrides]
    if given.runs in ("family", "both"):
        for label in given.families:
            steps = round(given.times * given.steps)
            own = ["model=multirate", f"model@model.of={given.model}", f"trainer.steps={steps}"]
            span = [f"model.low={LOW}", f"model.high={HIGH}", f"model.points={given.points}"]
            # What the model of a separate run is given, that of the family is.
            others = [word.replace("model.", "model.of.", 1) for word in given.overrides]
            yield label, [*own, *span, *FAMILIES[label], "normalisation=sum", *others]


def _measured(overrides: Sequence[str]) -> dict[str, Any]:
    """D and R of the points of a run, and its processor seconds."""
    run = build(compose(list(overrides)))
    run.data.examples("train", 1)
    before = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        result = fit_one(run, Path(folder))
    seconds = time.process_time() - before
    points = result.curve or [{"beta": result.scale.beta, "metrics": result.metrics}]
    return {
        "overrides": list(overrides),
        "seed": result.seed,
        "processor_seconds": round(seconds, 1),
        "step": None if result.standing is None else result.standing.step,
        "standing": None if result.standing is None else result.standing.state,
        "points": [
            {
                "beta": point["beta"],
                "distortion": point["metrics"]["test/distortion"],
                "rate": point["metrics"]["test/rate"],
            }
            for point in points
        ],
    }


def _print(folder: Path, out: Console) -> None:
    """The table of the runs that are there."""
    found = {path.stem: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}
    separate = {k: v for k, v in found.items() if k not in FAMILIES}
    alone = {v["points"][0]["beta"]: v for v in separate.values()}
    cost = np.mean([v["processor_seconds"] for v in separate.values()]) if separate else np.nan
    for label in (name for name in FAMILIES if name in found):
        family = found[label]
        table = Table(title=f"{folder.name}: {label}, {family['overrides'][2]}", box=None)
        for head in ("β", "D", "R", "D + βR", "D alone", "R alone", "D + βR alone", "more"):
            table.add_column(head, justify="right")
        for point in family["points"]:
            row = [f"{point['beta']:.4g}", *_numbers(point)]
            known = next((b for b in alone if np.isclose(b, point["beta"], rtol=1e-3)), None)
            if known is not None:
                other = alone[known]["points"][0]
                more = _value(point) - _value(other)
                row += [*_numbers(other), f"{more:+.2f}"]
            table.add_row(*row)
        out.print(table)
        of_ten = family["processor_seconds"] / (10 * cost)
        out.print(
            f"{family['processor_seconds']:.0f} processor seconds, {of_ten:.3f} of ten separate "
            f"runs of {cost:.0f} each; hypervolume {_ratio(family, alone):.4f} of that of the "
            f"{len(alone)} separate runs, at their β alone {_ratio(family, alone, True):.4f}\n"
        )


def _numbers(point: dict[str, float]) -> list[str]:
    return [f"{point['distortion']:.2f}", f"{point['rate']:.2f}", f"{_value(point):.2f}"]


def _value(point: dict[str, float]) -> float:
    return point["distortion"] + point["beta"] * point["rate"]


def _ratio(family: dict[str, Any], alone: dict[float, Any], same: bool = False) -> float:
    """The hypervolume of a family as a part of that of the separate runs, up to the greatest D and
    R of both.

    Args:
        family: a run of a family.
        alone: the separate runs, by their β.
        same: of the points alone whose β a separate run has.
    """
    if not alone:
        return float("nan")
    others = [run["points"][0] for run in alone.values()]
    mine = [
        p
        for p in family["points"]
        if not same or any(np.isclose(p["beta"], b, 1e-3) for b in alone)
    ]
    one, other = (
        np.array([[p["rate"], p["distortion"]] for p in points]) for points in (mine, others)
    )
    reference = np.maximum(one.max(0), other.max(0))
    return float(moocore.hypervolume(one, reference) / moocore.hypervolume(other, reference))


if __name__ == "__main__":
    main()
