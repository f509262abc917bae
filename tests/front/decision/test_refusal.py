"""Trials that allow no decision: collapsed, not settled, or within noise."""

import json
import shlex
from dataclasses import replace
from io import StringIO

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from betafront.front import Facts, Reach, cautions, decide, decision_record, print_study, refusal
from betafront.front.show.report import Chapter
from betafront.front.show.report.sections import answer

MADE = "betafront sweep study=example likelihood=gaussian trainer.steps=800 study.budget.trials=12"
REACH = Reach(0.03, 30.0, "objective.weight=tag(log,interval(0.003,30))", "")


def studied(
    table: pd.DataFrame, low: float = 0.03, high: float = 30.0, noise: float = 0.1, trials: int = 12
) -> pd.DataFrame:
    """A study on D = 10 exp(-R), of which each run is off the curve by so many nats of D."""
    beta = np.geomspace(low, high, trials)
    rate = np.log1p(10 / beta)
    distortion = 10 * np.exp(-rate) + np.random.default_rng(0).normal(0.0, noise, trials)
    rows = pd.concat([table] * (trials // len(table) + 1), ignore_index=True).head(trials)
    return rows.assign(
        **{
            "trial": range(trials), "weight": beta, "beta": beta, "normalisation": "sum",
            "val/rate": rate, "val/distortion": distortion, "val/negative_elbo": rate + distortion,
        }
    )  # fmt: skip


def standing(table: pd.DataFrame, state: str, where: object = None, **more: float) -> pd.DataFrame:
    """The study with the standing of its runs: settled but for those `where`."""
    states = np.where(np.ones(len(table), bool) if where is None else where, state, "settled")
    columns = {"steps": 800, "falling": 0.1, "since": np.nan, **more}
    return table.assign(standing=states, **columns)


@pytest.fixture
def made(facts: Facts) -> Facts:
    return replace(facts, command=MADE, reach=REACH, budget=12)


def nothing_is_decided(table: pd.DataFrame, facts: Facts) -> str:
    """Why there is no decision, after making sure that nothing says one."""
    why = refusal(table, facts)
    assert why.startswith("No decision: ")
    assert decide(table, facts) == []
    record = json.loads(json.dumps(decision_record(table, facts)))
    assert (record["decision"], record["refused"], record["points"]) == (None, why, [])
    return why


def nothing_is_shown(table: pd.DataFrame, facts: Facts) -> None:
    """Make sure that neither the terminal nor the page says a decision, a knee or a price."""
    out = StringIO()
    print_study(table, facts, Console(file=out, width=100))
    page = answer(Chapter(facts, table, table.assign(replicate=0)), alone=True)
    for said in (out.getvalue(), page):
        assert "No decision" in said
        for word in ("knee", "one nat", "best ELBO: β", "Decision  "):
            assert word not in said


def test_settled_runs_and_runs_of_earlier_versions_are_decided(
    table: pd.DataFrame, made: Facts
) -> None:
    earlier = studied(table)
    best = decide(earlier, made)[0]
    assert best.name == "best ELBO"
    settled = decide(standing(earlier, "settled"), made)[0]
    assert (settled.trial, settled.low, settled.high) == (best.trial, best.low, best.high)
    resumed = standing(earlier, "still falling")
    resumed["standing"] = resumed["standing"].astype(object)
    resumed.loc[:, "standing"] = None  # recorded for none of these
    assert decide(resumed, made)[0].trial == best.trial


def test_a_dead_study_says_where_something_may_live(table: pd.DataFrame, made: Facts) -> None:
    rate = np.linspace(0.004, 0.001, 8)
    dead = studied(table, 30, 300, trials=8).assign(
        **{"val/rate": rate, "sigma": 0.27, "val/mse": 0.27**2}
    )
    dead["val/negative_elbo"] = dead["val/rate"] + dead["val/distortion"]
    lower = Reach(30, 300, "objective.weight=tag(log,interval(3,300))", "")
    why = nothing_is_decided(dead, replace(made, reach=lower, name="dead", budget=8))
    nothing_is_shown(dead, made)
    assert "all 8 trials have collapsed" in why
    assert "at most 0.004 nats" in why
    assert "Only β below 30, the smallest of them, can be alive" in why
    # σ² is the variance of a pixel: λ₁ / σ² is from 1, all alike, to N, all in one direction.
    assert "below a β between 1 and 64" in why
    command = why.partition("Search there: ")[2]
    assert shlex.split(command)[-4:] == [
        "objective.weight=tag(log,interval(3,300))",
        "study.budget.trials=16",
        "study.name=dead-further",
        "study.import_from=dead",
    ]
    assert shlex.split(command)[:5] == shlex.split(MADE)[:5]
    recorded = standing(dead.assign(**{"val/rate": 0.2}), "collapsed")
    assert "have collapsed" in nothing_is_decided(recorded, made)
    known = dead.assign(cause="weight", beta_c=9.7, beta_live=9.7)
    assert "Latents are alive below β = 9.7. Search there: " in refusal(known, made)
    stuck = refusal(known.assign(cause="optimisation", beta=1.0), made)
    assert "8 trials have collapsed by the optimisation (0, 1, 2, 3, 4, 5, 6, 7): β = 1" in stuck
    command = stuck.partition("train longer: ")[2]
    assert shlex.split(command)[-2:] == ["schedule=linear", "study.name=example-annealed"]
    one_lives = dead.assign(**{"val/rate": [0.2, *rate[1:]]})
    assert "collapsed" not in refusal(one_lives, made)


def test_runs_that_are_still_falling_are_to_be_trained_longer(
    table: pd.DataFrame, made: Facts
) -> None:
    falling = standing(studied(table), "still falling", falling=3.0)
    why = nothing_is_decided(falling, made)
    assert " are still falling (by up to 3 nats per doubling of the steps). Train longer: " in why
    assert shlex.split(why.partition("longer: ")[2]) == [
        *shlex.split(MADE)[:4], "study.budget.trials=12", "trainer.steps=1600",
        "study.name=example-longer", "study.import_from=example",
    ]  # fmt: skip
    nothing_is_shown(falling, made)
    out = StringIO()
    print_study(falling, made, Console(file=out, width=100))
    assert "betafront sweep " + why.partition(": betafront sweep ")[2] in [
        line.strip() for line in out.getvalue().splitlines()
    ]
    far = nothing_is_decided(falling.assign(falling=30.0), made)
    assert "trainer.steps=3200" in far
    again = nothing_is_decided(falling, replace(made, name="example-longer"))
    assert again.endswith("study.name=example-longer-2 study.import_from=example-longer")
    searched = replace(made, parameters=["objective.weight", "trainer.steps"])
    steps = falling.assign(**{"trainer.steps": 800})
    assert "More steps (trainer.steps)" in nothing_is_decided(steps, searched)


def test_only_the_runs_that_matter_refuse_a_decision(table: pd.DataFrame, made: Facts) -> None:
    settled = studied(table)
    best = decide(settled, made)[0]
    beta = settled["beta"]
    within = (beta >= best.low) & (beta <= best.high)
    assert 3 <= within.sum() < len(settled)
    beyond = standing(settled, "overfitted", ~within)
    assert decide(beyond, made)[0].trial == best.trial
    own = standing(settled, "still falling", settled["trial"] == best.trial)
    assert decide(own, made)[0].trial == best.trial
    said = cautions(own, made, decide(own, made))
    (line,) = [line for line in said if line.startswith(f"trial {best.trial}, best ELBO")]
    assert "is still falling. Train longer: betafront sweep" in line
    nothing_is_decided(standing(settled, "still falling", within), made)


def test_overfitted_and_unstable_runs_name_what_mends_them(
    table: pd.DataFrame, made: Facts
) -> None:
    over = standing(studied(table), "overfitted", since=500.0)
    why = nothing_is_decided(over, replace(made, keep="last"))
    assert " are overfitted. Keep the weights of the best validated step" in why
    assert why.endswith(f"{MADE} trainer.keep=best study.name=example-best")
    kept = replace(made, keep="best", command=f"{MADE} study.import_from=other")
    why = nothing_is_decided(over, kept)
    assert why.endswith("trainer.steps=500 study.name=example-shorter")
    assert "study.import_from" not in why  # which refuses runs of more steps
    assert "optimizer.lr" in nothing_is_decided(standing(studied(table), "unstable"), made)
    mixed = standing(studied(table), "overfitted", falling=0.02)
    mixed.loc[mixed.index % 2 == 0, "standing"] = "still falling"
    why = nothing_is_decided(mixed, made)
    assert (
        "3 of 3 are unsettled: 2 still falling (by up to 0.02 nats per doubling of the steps)"
        in why
    )
    assert ", 1 overfitted. Train longer: " in why


def test_histories_too_short_are_a_caution(table: pd.DataFrame, made: Facts) -> None:
    short = standing(studied(table), "unknown")
    advice = decide(short, made)
    assert advice
    assert any("too short a history" in line for line in cautions(short, made, advice))


def test_a_few_others_that_may_overtake_are_a_caution_and_many_a_refusal(
    table: pd.DataFrame, made: Facts
) -> None:
    settled = studied(table)
    best = decide(settled, made)[0]
    beyond = settled["beta"] > best.high

    def falling(which: "pd.Series[bool]") -> pd.DataFrame:
        return standing(settled, "still falling", which).assign(falling=np.where(which, 40.0, 0.0))

    assert beyond.sum() >= 3
    one = falling(beyond & (beyond.cumsum() == 1))
    (line,) = [line for line in cautions(one, made, decide(one, made)) if "may come below" in line]
    assert line.startswith("1 trial with other β")
    assert "by up to 40 nats" in line
    assert not any("may come below" in line for line in cautions(settled, made, [best]))
    why = nothing_is_decided(falling(beyond), made)
    assert f"and {beyond.sum()} that may come below it in twice the steps" in why
    assert "Train longer: " in why


@pytest.mark.parametrize("trials", [8, 24])
def test_a_study_of_noise_is_refused(table: pd.DataFrame, made: Facts, trials: int) -> None:
    refused = 0
    for seed in range(10):
        elbo = 5.0 + np.random.default_rng(seed).normal(0.0, 1.0, trials)
        noise = studied(table, trials=trials)
        noise = noise.assign(**{"val/negative_elbo": elbo, "val/distortion": elbo})
        noise["val/distortion"] -= noise["val/rate"]
        refused += "no more than noise" in refusal(noise, made)
    assert refused >= 8  # of 10: nine in ten are, and the others look like a curve by chance
    noise = studied(table, noise=0.0).assign(**{"val/negative_elbo": 5.0})
    noise["val/negative_elbo"] += np.tile([0.0, 1.0, -0.5, 0.2], 3)
    noise["val/distortion"] = noise["val/negative_elbo"] - noise["val/rate"]
    why = nothing_is_decided(noise, made)
    assert "may lie anywhere from β = 0.03 to 30" in why
    assert why.endswith(f"{MADE} study.replicates=3")


def test_no_volume_is_a_caution(table: pd.DataFrame, made: Facts) -> None:
    worse = replace(made, reference=[-1.0, -1.0])
    found = studied(table)
    assert any("hypervolume is 0" in line for line in cautions(found, worse, decide(found, worse)))
    assert not any("hypervolume" in line for line in cautions(found, made, decide(found, made)))


@pytest.mark.parametrize(("noise", "refused"), [(0.18, False), (3.0, True)])
def test_few_weights_with_replicates_decide_where_the_ends_are_worse_by_more_than_noise(
    table: pd.DataFrame, made: Facts, noise: float, refused: bool
) -> None:
    five = studied(table, 0.25, 4.0, trials=5).assign(replicates=2)
    rate = np.array([12.0, 9.0, 6.0, 4.0, 2.0])
    bound = np.array([3.4, 0.9, 0.0, 1.4, 4.1])
    five = five.assign(
        **{
            "val/rate": rate,
            "val/negative_elbo": bound,
            "val/distortion": bound - rate,
            "sd/val/negative_elbo": noise,
            "sd/val/rate": noise,
            "sd/val/distortion": noise,
        }
    )
    assert bool(refusal(five, made)) == refused
