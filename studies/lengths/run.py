"""The same study at several lengths of its runs and with several seeds: what each one decides.

    python -m studies.lengths.run           # MNIST from the folder of BETAFRONT_DATA_DIR
    python -m studies.lengths.run --quick

Each study is an ordinary sweep, in the runs folder that BETAFRONT_RUNS names, and is only gone on
with where it is there. The decisions of the default study's own length are put to the test by
`betafront confirm`. What is decided goes to `results/DATA.json` beside this file, and is printed as
a table.
"""

import itertools
import json
import subprocess
import sys
from typing import Any

from rich.console import Console
from rich.table import Table

from studies import sweeps

STEPS = {"digits": (400, 800, 2000, 8000), "mnist": (2000, 20_000), "quick": (20, 40)}
SEEDS = {"digits": (0, 1), "mnist": (0,), "quick": (0,)}
WORDS = {
    "digits": (),
    "quick": ("study.budget.trials=3", "model.hidden=[16]"),
    "mnist": (
        "data=mnist",
        "trainer.batch_size=128",
        "study.sampler=grid",
        "objective.weight=0.3,0.55,1,1.8,3,5.5,10",
        "normalisation=sum",
        "schedule=constant",
    ),
}
TRIALS = {("digits", 8000): 24}  # of 48 in the study as it is
CONFIRMED = [("digits", 2000)]  # the length of the study as it is


def status(name: str) -> dict[str, Any]:
    """What `betafront status --json` says of a study."""
    command = [sys.executable, "-m", "betafront", "status", name, "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def answer(data: str, steps: int, seed: int) -> dict[str, Any]:
    """What the study of one length and seed decides."""
    name = f"lengths-{data}-{steps}-{seed}"
    words = ["study=weighting", f"study.name={name}", f"trainer.steps={steps}", *WORDS[data]]
    if (data, steps) in TRIALS:
        words.append(f"study.budget.trials={TRIALS[data, steps]}")
    sweeps.betafront("sweep", *words, f"study.seed={seed}", "study.workers=2", "tracking=off")
    if (data, steps) in CONFIRMED:
        sweeps.betafront("confirm", name)
    found = status(name)
    keys = (
        "decision", "refused", "standings", "cautions", "complete", "command", "confirmation",
    )  # fmt: skip
    return {"steps": steps, "seed": seed, **{key: found.get(key) for key in keys}}


def disagreements(answers: list[dict[str, Any]]) -> list[str]:
    """The pairs of decisions whose intervals of β do not meet, a sentence each."""
    decided = [a for a in answers if a["decision"]]
    apart = []
    for one, other in itertools.combinations(decided, 2):
        if one["decision"]["high"] < other["decision"]["low"] or (
            other["decision"]["high"] < one["decision"]["low"]
        ):
            first, second = (f"{a['steps']} steps, seed {a['seed']}" for a in (one, other))
            apart.append(f"the intervals of {first} and of {second} do not meet")
    return apart


def show(answers: list[dict[str, Any]], out: Console) -> None:
    """The answers as a table, and whether they agree."""
    table = Table(
        "steps", "trials", "study.seed", "best ELBO at β", "interval", "standings", "refused"
    )
    for found in answers:
        decision = found["decision"]
        counts = ", ".join(f"{n} {state}" for state, n in (found["standings"] or {}).items())
        beta, interval = "", ""
        if decision:
            beta = f"{decision['beta']:.3g}"
            interval = f"{decision['low']:.3g} to {decision['high']:.3g}"
        why = found["refused"] or ""
        here = [str(found[key]) for key in ("steps", "complete", "seed")]
        table.add_row(*here, beta, interval, counts, why)
    out.print(table)
    for found in answers:
        if confirmation := found["confirmation"]:
            share = confirmation["steps"] / confirmation["swept"]
            said = confirmation["verdicts"][0]["text"]
            case = f"{found['steps']} steps, seed {found['seed']}"
            out.print(f"{case}, put to the test for {share:.0%} of its steps: {said}")
    decided = sum(bool(found["decision"]) for found in answers)
    agreed = [f"The intervals of all {decided} decisions meet."] if decided > 1 else []
    for line in disagreements(answers) or agreed:
        out.print(line)


def main() -> None:
    with sweeps.results_of(__file__) as (results, quick):
        results.mkdir(parents=True, exist_ok=True)
        for data in ("quick",) if quick else ("digits", "mnist"):
            pairs = itertools.product(STEPS[data], SEEDS[data])
            answers = [answer(data, steps, seed) for steps, seed in pairs]
            written = json.dumps(answers, indent=1, ensure_ascii=False)
            (results / f"{data}.json").write_text(written + "\n")
            show(answers, Console(width=140, highlight=False))


if __name__ == "__main__":
    main()
