"""When trials allow no decision, and what to be careful with."""

from dataclasses import replace
from io import StringIO

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from betafront.front import Facts, Reach, cautions, decide, print_study, refusal
from betafront.front.decision.record import decision_record
from betafront.front.floor import Floor
from betafront.front.show.report import Chapter
from betafront.front.show.report.sections import answer as answer_of
from betafront.front.slope import off_line, off_their_lines

BETA = np.geomspace(0.01, 100, 9)


@pytest.fixture
def whole(table: pd.DataFrame) -> pd.DataFrame:
    """Trials on D = 10 exp(-R), whose slope -β is from nothing to 10: dD/dR = -10 exp(-R)."""
    return between(table, 0.001, 10)


def between(table: pd.DataFrame, low: float, high: float) -> pd.DataFrame:
    """Nine trials on that curve, with β from `low` to `high`; at β = 1 is the best ELBO."""
    beta = np.geomspace(low, high, 9)
    rate, distortion = np.log(10 / beta), beta
    return table.assign(
        **{
            "weight": beta, "beta": beta, "normalisation": "sum", "val/rate": rate,
            "val/distortion": distortion, "val/negative_elbo": rate + distortion,
        }
    )  # fmt: skip


def careful(table: pd.DataFrame, facts: Facts) -> list[str]:
    return cautions(table, facts, decide(table, facts))


def test_a_whole_front_of_converged_trials_gives_no_cause(
    whole: pd.DataFrame, facts: Facts
) -> None:
    assert refusal(whole, facts) == ""
    assert careful(whole, facts) == []


def test_a_decision_that_a_linear_model_surpasses_is_named(
    whole: pd.DataFrame, facts: Facts
) -> None:
    own = whole["val/negative_elbo"].min()  # 1 + log(10), at β = 1
    surpassed = Floor((9.0, 1.0), (0.0, 2.0), (10.0, own - 2 - 30))
    (said,) = careful(whole, replace(facts, floor=surpassed))
    assert said.startswith("at β = 1 a linear VAE")
    assert f"D + βR = {own - 30:.2f} nats" in said
    assert f"best ELBO to {own:.2f}" in said
    assert careful(whole, replace(facts, floor=None)) == []
    by_little = Floor((9.0, 1.0), (0.0, 2.0), (10.0, own - 2.5))
    assert careful(whole, replace(facts, floor=by_little)) == []


@pytest.mark.parametrize(("low", "high"), [(0.001, 0.5), (2.0, 9.0)])
def test_a_decision_is_held_against_the_line_at_its_own_beta(
    table: pd.DataFrame, facts: Facts, low: float, high: float
) -> None:
    """Trials on D = 10 exp(-R), all a nat better than a line that goes on beyond them."""
    beta = np.geomspace(20, 1e-4, 60)
    line = Floor(*map(tuple, (beta, np.log(20 / beta), 1 + beta)))
    named = [
        s for s in careful(between(table, low, high), replace(facts, floor=line)) if "linear" in s
    ]
    assert named == []


def test_few_trials_or_points_make_no_decision(whole: pd.DataFrame, facts: Facts) -> None:
    assert refusal(whole.head(5), facts) == ""
    assert refusal(whole.head(4), facts) == (
        "No decision: the study has 4 finished trials; it takes 5."
    )
    reached = pd.Series([True] * 4 + [False] * 5, dtype=object)
    assert "4 finished trials of those that came to" in refusal(
        whole.assign(reached=reached), facts
    )
    same = whole.assign(**{"val/rate": 1.0, "val/distortion": [1.0] + [2.0] * 8})
    assert refusal(same, facts) == "No decision: the front has one point, and it takes 3."
    out = StringIO()
    print_study(whole.head(4), facts, Console(file=out, width=100))
    assert "No decision: the study has 4" in out.getvalue()
    assert "Decision" not in out.getvalue()
    chapter = Chapter(facts, whole.head(4), whole.head(4).assign(replicate=0))
    assert "<p>No decision: the study has 4 finished trials; it takes 5.</p>" in answer_of(
        chapter, alone=True
    )
    answer = decision_record(whole.head(4), facts)
    assert answer["decision"] is None
    assert answer["refused"].startswith("No decision")
    assert answer["points"] == decide(whole.head(4), facts) == []


def test_a_best_at_the_end_of_the_search_says_how_to_go_on(
    whole: pd.DataFrame, facts: Facts
) -> None:
    upper, lower = between(whole, 1.0, 10.0), between(whole, 0.01, 1.0)
    reach = Reach(1.0, 10.0, "objective.weight=LOWER", "objective.weight=HIGHER")
    made = "betafront sweep study=example objective.weight=OLD study.budget.trials=9"

    def said(table: pd.DataFrame, reach: Reach | None) -> str:
        lines = careful(table, replace(facts, command=made, reach=reach))
        (line,) = [line for line in lines if line.startswith("best ELBO has")]
        return line

    assert "the smallest β of all trials: the best may lie beyond" in said(upper, reach)
    begin = "betafront sweep study=example objective.weight"
    rest = "study.budget.trials=18 study.name=example-further study.import_from=example"
    assert said(upper, reach).endswith(f"{begin}=LOWER {rest}")
    assert said(lower, replace(reach, low=0.01, high=1.0)).endswith(f"{begin}=HIGHER {rest}")
    assert said(upper, replace(reach, low=0.01)).endswith(
        "more trials (study.budget.trials) may find better beyond it."
    )
    assert said(upper, None).endswith("the best may lie beyond.")


def test_the_reach_of_a_search_in_orders_of_magnitude() -> None:
    assert Reach(0.01, 100.0, "", "").share(1.0) == pytest.approx(0.5)
    assert Reach(0.0, 4.0, "", "").share(1.0) == 0.25
    assert Reach(2.0, 2.0, "", "").share(2.0) == 0.0


def test_a_knee_between_ends_that_are_none(whole: pd.DataFrame, facts: Facts) -> None:
    said = careful(between(whole, 0.001, 1.0), facts)
    assert any("one is at R = 2.3 nats: search greater β" in line for line in said)
    # With β from 0.5 on, the last step towards more rate buys (β₁ - β₀) / ln(β₁ / β₀).
    step = 20 ** (1 / 8)
    bought = 0.5 * (step - 1) / np.log(step)
    said = careful(between(whole, 0.5, 10.0), facts)
    assert any(f"buys {bought:.3g} nats of distortion: search smaller β" in line for line in said)
    assert not any("knee moves" in line for line in careful(whole, facts))


def test_a_best_within_what_replicates_differ(whole: pd.DataFrame, facts: Facts) -> None:
    elbo = whole["val/negative_elbo"].nsmallest(2)
    ahead = elbo.iloc[1] - elbo.iloc[0]
    noisy = whole.assign(**{"sd/val/negative_elbo": ahead * 1.01})
    (said,) = careful(noisy, facts)
    assert said.startswith(f"best ELBO is ahead of trial {elbo.index[1]} ")
    assert careful(whole.assign(**{"sd/val/negative_elbo": ahead * 0.99}), facts) == []


def test_the_page_says_it_too(whole: pd.DataFrame, facts: Facts) -> None:
    many = replace(facts, counts={"complete": 9, "failed": 3})
    runs = pd.concat([whole.assign(replicate=i) for i in range(2)])
    page = answer_of(Chapter(many, whole, runs), alone=True)
    assert "3 of 12 trials failed" in page
    assert "by the scatter of 9 trials" in page
    assert "one nat less of rate costs" in page


def test_many_failures(whole: pd.DataFrame, facts: Facts) -> None:
    many = replace(facts, counts={"complete": 9, "failed": 3})
    assert careful(whole, many) == ["3 of 12 trials failed: the front is of what could be trained."]
    assert careful(whole, replace(facts, counts={"complete": 9, "failed": 2})) == []


def test_trials_off_their_own_line(whole: pd.DataFrame, facts: Facts) -> None:
    off = whole.copy()
    # At β = 1, where the next trial's D + R is 3.16 + 1.15 and the own 1 + 2.30: 3 nats more are
    # 3 - 1.01 off the line D + R = 4.31, and 1 / √2 of that in the plane.
    off.loc[6, "val/distortion"] += 3.0
    at = np.log(10 / off["beta"]) + off["beta"]
    other = at.drop(6).min()
    assert off_line(off)[6] == pytest.approx((1 + np.log(10) + 3 - other) / 2**0.5)
    said = off_their_lines(off)
    assert said.startswith("1 of 9 trials lie more than 1 nat off their own line D + βR (trial 6 ")
    assert said in careful(off, facts)
    assert off_their_lines(whole) == ""
    assert said not in careful(off, replace(facts, one_scale=False))
    large = off.assign(**{k: off[k] * 100 for k in ("val/rate", "val/distortion")})
    assert "more than 10 nats" in off_their_lines(large)


def test_all_that_is_said_fits_the_terminal(whole: pd.DataFrame, facts: Facts) -> None:
    out = StringIO()
    reach = Reach(0.9, 10.0, "objective.weight=tag(log,interval(0.09,10.0))", "")
    noisy = whole[whole["beta"] >= 0.5].assign(**{"sd/val/negative_elbo": 9.0})
    more = pd.concat([noisy] * 2, ignore_index=True).assign(trial=range(2 * len(noisy)))
    print_study(more, replace(facts, reach=reach), Console(file=out, width=100))
    lines = out.getvalue().splitlines()
    command = "  betafront sweep "  # whole on one line
    assert max(len(line) for line in lines if not line.startswith(command)) <= 100
    assert any("Careful" in line for line in lines)


def test_without_a_point_there_is_no_decision_and_the_reason_is_said(
    whole: pd.DataFrame, facts: Facts
) -> None:
    apart = replace(facts, one_scale=False)
    assert refusal(whole, apart) == ""
    straight = whole.assign(**{"val/distortion": 10 - whole["val/rate"]})
    assert refusal(straight, facts) == ""  # there is a best ELBO
    assert "it has no knee" in refusal(straight, apart)
    assert decision_record(straight, apart)["refused"] == refusal(straight, apart)
    three = replace(apart, objectives={**facts.objectives, "val/mse": "minimize"})
    assert "none of three objectives is maximised" in refusal(whole, three)


def test_one_beta_alone_is_at_no_end(whole: pd.DataFrame, facts: Facts) -> None:
    assert not any("β of all trials" in line for line in careful(whole.assign(beta=1.0), facts))
