"""The report of a study of 2,000 trials: how long it takes to make, its size, and whether a browser
keeps up; and the indicators of studies of 100,000 trials.

A small real study is swept, and its trials are then repeated in its storage with other parameters
and numbers, along the curve that they are on; their run folders are those of the real ones. The
report is written by `betafront report`, as a user does, and opened in Chromium, where there is one.

    python -m benchmarks.run.report
    python -m benchmarks.run.report --trials 200
"""

import argparse
import copy
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from shutil import which
from typing import Any

import numpy as np
import pandas as pd
from benchmarks.common import OBJECTIVES, console, say_where
from rich.table import Table

from betafront.front.indicators import indicators_of, shape

REAL = 8
POINTS = 100_000
LIMITS = {"report": 20.0, "page": 6e6, "indicators": 5.0}
STUDY = "large"


def betafront(runs: Path, *words: str) -> float:
    """Run a command to its end; returns its wall-clock seconds."""
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "betafront", *words],
        env=os.environ | {"BETAFRONT_RUNS": str(runs)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    return time.perf_counter() - started


def fill(runs: Path, trials: int) -> None:
    """Repeat the trials of the study until there are so many."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.load_study(study_name=STUDY, storage=f"sqlite:///{runs / 'studies.db'}")
    real = [t for t in study.get_trials() if t.state.name == "COMPLETE"]
    rng = np.random.default_rng(0)
    made = []
    for _ in range(trials - len(real)):
        one: optuna.trial.FrozenTrial = copy.deepcopy(real[rng.integers(len(real))])
        beta = float(10 ** rng.uniform(-2, 2))
        rate = 30 / (1 + 3 * beta) * float(rng.lognormal(0, 0.1))
        distortion = -40 + 15 * beta**0.5 * float(rng.lognormal(0, 0.1))
        record = one.user_attrs["record"]
        record["scale"] |= {"beta": beta, "beta_norm": beta / 8}
        found = {"rate": rate, "distortion": distortion, "negative_elbo": rate + distortion}
        record["metrics"] |= {f"val/{name}": value for name, value in found.items()}
        # With the pictures of that run, as an attempt whose predecessor had trained it.
        one.user_attrs["origin"] = {"first": one.number, "before": one.number}
        parts = {"params": one.params, "distributions": one.distributions}
        values = [rate, distortion]
        made.append(optuna.trial.create_trial(**parts, user_attrs=one.user_attrs, values=values))
    study.add_trials(made)


def looked_at(page: Path) -> dict[str, float]:
    """Seconds until a browser shows the plane, changes its colours, and answers a hover."""
    chromium = which("chromium") or which("google-chrome")
    if chromium is None:
        return {}
    from playwright.sync_api import sync_playwright

    flags = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        tab = browser.new_context(offline=True, viewport={"width": 1600, "height": 1000}).new_page()
        started = time.perf_counter()
        tab.goto(page.as_uri())
        tab.wait_for_selector(".plane .scatterlayer .point")
        found = {"browser: until the plane is there": time.perf_counter() - started}
        started = time.perf_counter()
        tab.locator("#controls select").first.select_option("val/mse")
        tab.evaluate("new Promise(requestAnimationFrame)")
        found["browser: other colours"] = time.perf_counter() - started
        point = tab.locator(".plane .scatterlayer .point").nth(700)
        point.scroll_into_view_if_needed()
        box: Any = point.bounding_box()
        started = time.perf_counter()
        tab.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        tab.wait_for_selector("#card:not([hidden])")
        found["browser: a hover"] = time.perf_counter() - started
        browser.close()
    return found


def indicators() -> float:
    """Seconds for all indicators of two studies of 100,000 trials each."""
    rng = np.random.default_rng(0)
    tables = []
    for worse in (0.0, 0.01):
        rate = rng.uniform(0.1, 10, POINTS)
        distortion = 1 / rate + worse + rng.exponential(0.3, POINTS)
        tables.append(pd.DataFrame({"val/rate": rate, "val/distortion": distortion}))
    a, b = tables
    started = time.perf_counter()
    indicators_of(a, b, OBJECTIVES, [11.0, 11.0])
    indicators_of(b, a, OBJECTIVES, [11.0, 11.0])
    shape(a, OBJECTIVES, [11.0, 11.0])
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--trials", type=int, default=2000)
    arguments = parser.parse_args()
    out = console()
    say_where(out, ("plotly", "moocore", "pandas"))
    with tempfile.TemporaryDirectory() as place:
        runs = Path(place)
        betafront(
            runs, "sweep", "study=weighting", f"study.name={STUDY}", f"study.budget.trials={REAL}",
            "trainer.steps=100",
        )  # fmt: skip
        fill(runs, arguments.trials)
        seconds = betafront(runs, "report", STUDY)
        page = runs / STUDY / "report" / "front.html"
        rows = [
            (f"`betafront report`, {arguments.trials} trials", seconds, "s", LIMITS["report"]),
            ("the page", page.stat().st_size, "bytes", LIMITS["page"]),
            *((name, value, "s", None) for name, value in looked_at(page).items()),
            (f"indicators of two studies of {POINTS} trials", indicators(), "s",
             LIMITS["indicators"]),
        ]  # fmt: skip
    table = Table(title="a large study")
    for name in ("what", "measured", "limit"):
        table.add_column(name, justify="left" if name == "what" else "right")
    for what, value, unit, limit in rows:
        shown = f"{value:,.0f} {unit}" if unit == "bytes" else f"{value:.2f} {unit}"
        table.add_row(what, shown, "" if limit is None else f"< {limit:,.0f} {unit}")
    out.print(table)


if __name__ == "__main__":
    main()
