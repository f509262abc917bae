"""The run of a study in MLflow: the question, the front and its growth, the decision."""

import re
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from betafront.front import Advice, Facts, front, hypervolumes
from betafront.front.curves import trials_of
from betafront.front.decision.confirmation.confirmed import confirmation_word
from betafront.study.spec import Spec
from betafront.tracking.runs import STUDY, tags_of
from betafront.tracking.store import LONGEST_NAME, key_of, log_points, params_of, shortened
from betafront.training.standing import STATES

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric

FRONT = "front"  # the folder of its artifacts
MEMBERS = "members.csv"
STANDINGS = "standings"  # the tag that says how the runs stand, and the beginning of its metrics

CAUSES = "causes"  # the tag that says why trials have collapsed


def create_study_run(client: "MlflowClient", experiment: str, spec: Spec) -> str:
    """Create the run, with the sampler, the objectives and the space; returns its identifier."""
    name = shortened(spec.name, LONGEST_NAME)
    run = client.create_run(experiment, run_name=name, tags=tags_of(spec, STUDY))
    params = {
        "sampler": spec.sampler,
        "seed": spec.seed,
        "objectives": ", ".join(f"{k} {v}" for k, v in spec.objectives.items()),
        "reference": ", ".join(map(str, spec.reference or [])),
        **{f"space.{key_of(key)}": sweep for key, sweep in spec.space.items()},
    }
    log_points(client, run.info.run_id, [], params_of(params))
    return str(run.info.run_id)


def log_front(
    client: "MlflowClient",
    run: str,
    table: pd.DataFrame,
    facts: Facts,
    advice: Sequence[Advice],
    stand: Mapping[str, int],
) -> None:
    """Write the hypervolume and the size of the front after each trial, the β of each advised
    point, whether the decision is confirmed, how many runs stand in each state, and the members of
    the front as a table.

    Args:
        client: of the store.
        run: of the study.
        table: finished trials.
        facts: of the study.
        advice: none where there is no decision.
        stand: runs by their state; empty where it was not recorded.
    """
    values = {f"{_name(a.name)}/beta": a.beta for a in advice}
    if stand:  # with those that are 0 now, and were not before
        values |= {f"{STANDINGS}/{_name(state)}": stand.get(state, 0) for state in STATES}
    points = [*_growth(table, facts), *_last(table, values)]
    log_points(client, run, _missing(client, run, points))
    if word := confirmation_word(facts.confirmation, table, advice):
        client.set_tag(run, "confirmation", word)
    members = front(table, facts.objectives)
    first = ["trial", *facts.parameters, "beta", "beta_norm", *facts.objectives]
    columns = dict.fromkeys(c for c in (*first, *members) if c in members and c != "folder")
    client.log_text(run, members[list(columns)].to_csv(index=False), f"{FRONT}/{MEMBERS}")


def _growth(table: pd.DataFrame, facts: Facts) -> "list[Metric]":
    """The hypervolume and the size of the front; the step is the number of finished trials."""
    from mlflow.entities import Metric

    found = hypervolumes(table, facts.objectives, facts.reference)
    return [
        Metric(f"study/{name}", float(value), int(1000 * finished), step)
        for name in ("hypervolume", "front_size")
        for step, (finished, value) in enumerate(
            zip(found["finished"], found[name], strict=True), start=1
        )
    ]


def _last(table: pd.DataFrame, values: Mapping[str, float]) -> "list[Metric]":
    """Values of the study after the last of its trials."""
    from mlflow.entities import Metric

    when, step = int(1000 * table["finished"].max()), len(trials_of(table))
    return [Metric(name, float(value), when, step) for name, value in values.items()]


def _name(words: str) -> str:
    """Words as a part of a metric's name."""
    return re.sub(r"\W+", "_", words.lower()).strip("_")


def _missing(client: "MlflowClient", run: str, points: "Sequence[Metric]") -> "list[Metric]":
    """Those of `points` that the run lacks. A point that was written stays, except the last of
    each key: where its value has changed it is written again with the present time, so that MLflow
    shows the new value."""
    from mlflow.entities import Metric

    written: dict[str, dict[int, float]] = {}
    last: dict[str, int] = {}
    for point in points:
        last[point.key] = max(point.step, last.get(point.key, 0))
    for key in last:
        history = sorted(client.get_metric_history(run, key), key=lambda p: p.timestamp)
        written[key] = {p.step: p.value for p in history}
    now, found = int(1000 * time.time()), []
    for p in points:
        if p.step not in written[p.key]:
            found.append(p)
        elif p.step == last[p.key] and p.value != written[p.key][p.step]:
            found.append(Metric(p.key, p.value, now, p.step))
    return found
