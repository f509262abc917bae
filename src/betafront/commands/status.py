"""`betafront status`: how far a study is, its front so far and what it advises."""

from collections.abc import Collection
from typing import Any

import pandas as pd
from rich.text import Text

from betafront.front import Asked, decide, decision_record, print_study
from betafront.front.curves import curves, trials_of
from betafront.front.decision.collapse import trials_of_causes
from betafront.front.decision.confirmation.confirmed import confirmation_record
from betafront.front.show import standings
from betafront.front.table import SCALE, is_metric
from betafront.study.display.failures import print_failures, reasons
from betafront.study.display.next_commands import command_on, next_commands
from betafront.study.display.others import print_others
from betafront.study.lookup import find_study
from betafront.study.results.confirmation import confirming
from betafront.study.results.pruned import pruned_record
from betafront.study.results.read import read
from betafront.study.results.table import failures
from betafront.study.trials.queue import is_met
from betafront.study.trials.status import IF_ANY, OF_OTHERS, WORDS
from betafront.study.trials.steps import steps_used, used_in_words
from betafront.study.trials.stopping import out_of_budget
from betafront.terminal import console, print_json, print_next

EACH = 1  # of the trials that failed for the same reason, shown with its log


def status(name: str | None, as_json: bool, until_met: bool, asked: Asked) -> None:
    """Print the state of a study.

    Args:
        name: of the study; None for the newest.
        as_json: print JSON.
        until_met: show it as it goes first, until its budget is met.
        asked: for more points of the front.

    Raises:
        UserError: there is no such study, or it cannot answer what was asked.
    """
    study, spec = find_study(name)
    out = console()
    if until_met:
        from betafront.study.display.watch import follow

        follow(study, spec, out)
        spec = spec.load(study, spec.folder)
    found = read(study, spec)
    trials, rows, known, runs = found.trials, found.table, found.facts, found.runs
    tested, planned = confirming(found.settings, trials)
    if as_json:
        members = [] if rows.empty else found.front["trial"].tolist()
        numbers = list(dict.fromkeys(members))
        decided = decision_record(rows, known, runs, asked)
        every = trials_of(rows)
        shown = {*numbers, *(point["trial"] for point in decided["points"])}
        advice = decide(rows, known, runs) if known.confirmation else []
        print_json(
            {
                "study": spec.name,
                "budget": spec.trials,
                "steps": {"budget": spec.steps, "used": steps_used(trials, spec)},
                **{word: known.counts[word] for word in (*WORDS, *IF_ANY)},
                "others": {word: known.counts[word] for word in OF_OTHERS},
                "imported": int(every["imported"].notna().sum()) if "imported" in every else 0,
                "failures": failures(trials),
                **pruned_record(trials),
                "reasons": reasons(trials, spec),
                "front": numbers,
                **curves_record(rows),
                **decided,
                **standings_record(every, runs, shown),
                "confirming": {"done": tested, "runs": planned} if planned else None,
                **confirmation_record(known.confirmation, rows, advice),
                "folder": spec.folder,
                "command": known.command,
            }
        )
        return
    words = [word for word, n in known.counts.items() if n or word in WORDS]
    counts = ", ".join(f"{known.counts[word]} {word}" for word in words)
    budget = f"budget {spec.trials}"
    if used := used_in_words(trials, spec):
        budget += f", {used} used"
    out.print(Text.assemble((spec.name, "bold"), f": {counts}; {budget}"))
    print_failures(trials, spec, out, EACH)
    if known.pruned:
        out.print(known.pruned, markup=False, soft_wrap=True)
    print_others(trials, spec, out)
    if tested < planned:
        again = command_on(spec, "confirm")
        out.print(f"Confirming: {tested} of {planned} runs; {again} goes on", soft_wrap=True)
    advice = print_study(rows, known, out, runs, asked)
    ways = []
    if len(rows):
        ways = [("page", command_on(spec, "report")), *next_commands(spec, rows, known, advice)]
    done = is_met(spec, trials) or out_of_budget(spec, trials) is not None
    print_next([*ways, ("swept by" if done else "go on with", known.command)], out)


def curves_record(table: pd.DataFrame) -> dict[str, Any]:
    """The curves of models that are conditioned on β, for programs: of each its trial, and its
    points with their places on the scale and their metrics; empty where there are none.

    Args:
        table: of points.
    """
    found = []
    for _, rows in curves(table):
        every = [{str(k): v for k, v in row.items()} for row in rows.to_dict("records")]
        points = [{k: v for k, v in row.items() if k in SCALE or is_metric(k)} for row in every]
        known = [{k: v for k, v in point.items() if not pd.isna(v)} for point in points]
        found.append({"trial": int(rows["trial"].iloc[0]), "points": known})
    return {"curves": found} if found else {}


def standings_record(
    table: pd.DataFrame, runs: pd.DataFrame, trials: Collection[int]
) -> dict[str, Any]:
    """How the runs stand, for programs: how many in each state, of `trials` the state and its
    numbers, and the collapsed trials by their cause. Empty where nothing was recorded.

    Args:
        table: a row per trial.
        runs: a row per run.
        trials: numbers.
    """
    found = standings.counts(runs)
    if not found:
        return {}
    of = table[table["trial"].isin(list(trials))].to_dict("records")
    told = {str(row["trial"]): standings.record({str(k): v for k, v in row.items()}) for row in of}
    why = {key: rows["trial"].tolist() for key, rows in trials_of_causes(table)}
    return {
        "standings": found,
        "standing_of_trial": {k: v for k, v in told.items() if v},
        **({"causes": why} if why else {}),
    }
