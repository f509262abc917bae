"""The verdict of a confirmation, from rows whose right answer is known."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from betafront.front.decision.confirmation.levels import Noise, Tested
from betafront.front.decision.confirmation.verdict import ALIKE, MOVES, STANDS, Verdict, verdict

BETA, NEIGHBOURS = 1.0, (0.5, 2.0)
STEPS = (800, 1600, 3200)
UNKNOWN = Noise()


def rows(best: float, noise: float = 0.0, seeds: int = 3, curvature: float = 4.0) -> list[Tested]:
    """Runs whose D + R is a parabola over log2 β with its least value at `best`, where every run
    has noise of its own, and every seed an offset that all its runs share."""
    random = np.random.default_rng(0)
    found = []
    for seed in range(seeds):
        offset = random.normal(0, 5)
        for steps in STEPS:
            for beta in (BETA, *NEIGHBOURS):
                value = curvature * math.log2(beta / best) ** 2 + offset + random.normal(0, noise)
                found.append(Tested(beta, seed, steps, value, "settled"))
    return found


def judged(of: list[Tested], noise: Noise = UNKNOWN, **more: dict[float, str]) -> Verdict:
    return verdict("best ELBO", 7, BETA, NEIGHBOURS, of, noise, **more)


def test_a_pick_at_the_optimum_stands() -> None:
    found = judged(rows(best=1.0, noise=0.3))
    assert (found.word, found.to, found.outcome) == (STANDS, (), STANDS)
    assert [level.steps for level in found.levels] == [s for s in STEPS for _ in NEIGHBOURS]
    assert all(level.difference == pytest.approx(4, abs=0.6) for level in found.levels)
    assert "best ELBO: β = 1 stands" in found.text
    assert "after 3,200 steps (3 seeds)" in found.text


@pytest.mark.parametrize(
    ("best", "to", "beyond"),
    [(2.0, 2.0, False), (1.7, 2.0, False), (0.6, 0.5, False), (8.0, 2.0, True)],
)
def test_a_pick_beside_the_optimum_moves(best: float, to: float, beyond: bool) -> None:
    found = judged(rows(best, noise=0.1))
    assert (found.word, found.to, found.beyond) == (MOVES, (to,), beyond)
    assert found.outcome.startswith(f"moves to β ≈ {to:g}")


def test_where_the_noise_is_larger_than_the_difference_nothing_can_be_told_apart() -> None:
    found = judged(rows(best=1.0, noise=8.0))
    assert found.word == ALIKE
    assert set(found.to) <= set(NEIGHBOURS)
    assert "cannot be told apart from β = " in found.text


def test_an_offset_of_a_seed_is_no_noise() -> None:
    """The runs of one seed share it: differences are taken in pairs."""
    (level, _) = judged(rows(best=1.0, noise=0.0)).longest
    assert level.error == pytest.approx(0, abs=1e-9)


def test_the_standard_error_of_pairs_is_that_of_their_mean() -> None:
    pairs = {0.5: (1.0, 2.0, 6.0), 2.0: (3.0, 4.0, 8.0)}
    of = [Tested(1.0, seed, 10, 0.0) for seed in range(3)]
    of += [Tested(b, seed, 10, v) for b, values in pairs.items() for seed, v in enumerate(values)]
    for level in judged(of).levels:
        assert level.difference == pytest.approx(np.mean(pairs[level.beta]))
        # Both groups deviate alike, so the pooled variance is that of each.
        assert level.error == pytest.approx(np.std(pairs[level.beta], ddof=1) / math.sqrt(3))
        # Four degrees of freedom: Student's t at 97.5 %.
        assert level.limit == pytest.approx(2.776 * level.error, rel=1e-3)


@pytest.mark.parametrize(("sd", "word"), [(None, ALIKE), (0.1, STANDS), (5.0, ALIKE)])
def test_one_seed_needs_the_noise_of_the_studys_own_runs(sd: float | None, word: str) -> None:
    found = judged(rows(best=1.0, seeds=1), Noise(sd, 20.0, "the replicates"))
    assert found.word == word
    if sd:  # of a difference between two runs
        assert found.longest[0].error == pytest.approx(sd * math.sqrt(2))


def test_the_noise_of_the_studys_own_runs_stands_in_only_for_few_pairs() -> None:
    """Two seeds are two degrees of freedom, of two neighbours; three seeds are four."""
    large = Noise(50.0, 20.0, "the scatter")
    few, enough = (judged(rows(1.0, noise=0.3, seeds=n), large).longest[0] for n in (2, 3))
    assert few.error is not None
    assert few.error > 40
    assert enough.error is not None
    assert enough.error < 1


def test_a_pick_stands_beside_a_neighbour_that_is_surely_not_better_by_the_noise_of_the_study() -> (
    None
):
    """The least value lies halfway, in log β, so that the neighbour is as good as the pick."""
    of = rows(best=math.sqrt(2), noise=0.2)
    assert (judged(of).word, judged(of).to) == (ALIKE, (2.0,))
    found = judged(of, Noise(1.6, 20.0, "the scatter"))
    assert found.word == STANDS
    assert "; β = 2 is not better by the 1.6 nats that the study's own runs differ by" in found.text
    noisy = judged(rows(best=math.sqrt(2), noise=2.0), Noise(1.6, 20.0, "the scatter"))
    assert noisy.word == ALIKE


def test_a_seed_whose_shorter_runs_have_settled_says_the_same_after_more_steps() -> None:
    of = [r for r in rows(best=1.0, noise=0.3) if r.seed == 0 or r.steps == 800]
    found = judged(of)
    assert [(level.seeds, level.shorter) for level in found.longest] == [(3, 2), (3, 2)]
    assert "after 3,200 steps (3 seeds, 2 settled after fewer)" in found.text
    falling = [replace(r, standing="still falling") if r.beta == 2 else r for r in of]
    assert {level.beta: level.seeds for level in judged(falling).longest} == {0.5: 3, 2.0: 1}


def test_the_longest_runs_decide_and_a_pick_that_was_better_only_there_does_not_stand() -> None:
    short, long = rows(best=2.0, noise=0.1), rows(best=1.0, noise=0.1)
    of = [r for r in short if r.steps < 3200] + [r for r in long if r.steps == 3200]
    found = judged(of)
    assert (found.word, found.to) == (ALIKE, (2.0,))
    back = [r for r in long if r.steps < 3200] + [r for r in short if r.steps == 3200]
    assert judged(back).word == MOVES


def test_a_neighbour_that_would_yet_catch_up_is_not_behind() -> None:
    of = [
        Tested(r.beta, r.seed, r.steps, r.value, "still falling", 5.0 if r.beta == 2 else 0.0)
        for r in rows(best=1.0, noise=0.1)
    ]
    found = judged(of)
    assert (found.word, found.to) == (ALIKE, (2.0,))
    assert found.standings == {"still falling": 9}


def test_a_neighbour_without_a_result_is_named_with_its_reason() -> None:
    of = [r for r in rows(best=1.0, noise=0.1) if r.beta != 2.0]
    found = judged(of, failed={2.0: "diverged: at step 3"})
    assert (found.word, found.to, found.missing) == (ALIKE, (2.0,), {2.0: "diverged: at step 3"})
    assert "at β = 2 diverged: at step 3" in found.text
    nothing = judged([])
    assert (nothing.word, nothing.to) == (ALIKE, NEIGHBOURS)
    assert "no two runs can be compared" in nothing.text


@pytest.mark.parametrize("beta", [BETA, 2.0])
def test_a_pick_does_not_stand_where_a_longest_run_failed(beta: float) -> None:
    """Shorter runs, or other seeds, have results: the reason is said all the same."""
    of = [r for r in rows(best=1.0, noise=0.1) if r.beta != beta or r.steps < 3200]
    found = judged(of, failed={beta: "diverged: at step 3"})
    assert found.word == ALIKE
    assert f"at β = {beta:g} diverged: at step 3" in found.text


@pytest.mark.parametrize("standing", ["overfitted", "unstable"])
def test_runs_that_overfit_or_jump_are_not_compared(standing: str) -> None:
    """More steps moved the best by overfitting: that says nothing of β."""
    short, long = rows(best=1.0, noise=0.1), rows(best=4.0, noise=0.1)
    of = [r for r in short if r.steps < 3200]
    of += [replace(r, standing=standing) for r in long if r.steps == 3200]
    found = judged(of)
    assert (found.word, found.to) == (ALIKE, NEIGHBOURS)
    assert max(level.steps for level in found.levels) == 1600
    assert found.standings == {standing: 9}
    only = [r for r in of if r.steps == 3200]
    own = judged([replace(r, standing=standing if r.beta == BETA else "settled") for r in only])
    assert (own.word, own.to, set(own.missing)) == (ALIKE, NEIGHBOURS, {BETA})
    said = f"the runs of 3,200 steps are {standing}, and were not compared"
    assert found.missing == dict.fromkeys((BETA, *NEIGHBOURS), said)


def test_a_verdict_is_written_and_read() -> None:
    of = [r for r in rows(best=2.0, noise=0.1) if r.beta != 0.5]
    found = judged(of, failed={0.5: "diverged: at step 3"})
    assert Verdict.read(json.loads(json.dumps(found.written()))) == found
