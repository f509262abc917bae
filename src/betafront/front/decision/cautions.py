"""What to be careful with in a decision."""

from collections.abc import Iterator, Sequence

import pandas as pd

from betafront.front.decision.advice import Advice
from betafront.front.decision.collapse import causes, collapsed
from betafront.front.decision.commands import further
from betafront.front.decision.price import exchange, noise_of_a_price
from betafront.front.decision.standings import Standings, overtaking, standings_of
from betafront.front.front import front, hypervolume
from betafront.front.slope import NAT, off_their_lines
from betafront.front.table import DISTORTION, ELBO, PLANE, RATE, STANDING, Facts, usable
from betafront.training.cause import OPTIMISATION
from betafront.training.standing import UNSETTLED

FAILED = 0.2  # of the trials: where more have failed, the others may be the easy ones
END = 0.1  # the share of a range, or of a slope, within which a trial counts as at its end


def cautions(table: pd.DataFrame, facts: Facts, advice: Sequence[Advice]) -> list[str]:
    """The cautions, a sentence or two each; without advice only those that hold for any trials.

    Args:
        table: finished trials.
        facts: of the study.
        advice: of the study; empty where the trials allow no decision.
    """
    kept = usable(table)
    if kept.empty:
        return []
    found = [*_at_the_edge(kept, facts, advice), *_open_ends(kept, facts, advice)]
    found += [*_standings(kept, facts, advice), *_behind(kept, advice), *_dead(kept, advice)]
    found += [said for cause, said in causes(kept).items() if cause == OPTIMISATION]
    found += [*_close(kept, advice), *_no_volume(table, facts), *_failed(facts)]
    return [*found, off] if facts.one_scale and (off := off_their_lines(kept)) else found


def _at_the_edge(table: pd.DataFrame, facts: Facts, advice: Sequence[Advice]) -> Iterator[str]:
    """Advised points with the smallest or the greatest β of all trials."""
    seen = set()
    for one in advice:
        below, above = (table["beta"] < one.beta).any(), (table["beta"] > one.beta).any()
        if below == above or one.trial in seen:  # between others, or the only β
            continue
        seen.add(one.trial)
        which = "greatest" if below else "smallest"
        weight = float(table.loc[table["trial"] == one.trial, "weight"].iloc[0])
        yield f"{one.name} has the {which} β of all trials: {_further(facts, weight, below)}"


def _further(facts: Facts, weight: float, above: bool) -> str:
    """How to search beyond the last trial."""
    reach = facts.reach
    if reach is None:
        return "the best may lie beyond."
    override, share = (reach.higher if above else reach.lower), reach.share(weight)
    if not (override and (1 - share if above else share) <= END):
        return "more trials (study.budget.trials) may find better beyond it."
    return (
        "the best may lie beyond what was searched. A space cannot change, so search further in a "
        f"new study, which begins with these trials: {further(facts, override)}"
    )


def _open_ends(table: pd.DataFrame, facts: Facts, advice: Sequence[Advice]) -> Iterator[str]:
    """Ends of the front beyond which rate still buys distortion: the knee depends on both ends."""
    if not facts.rate_distortion or not any(one.name == "knee" for one in advice):
        return
    members = front(table, PLANE)
    first, last = members.iloc[0], members.iloc[-1]
    if first[RATE] > NAT:
        yield (
            f"The knee moves with the front's ends, and one is at R = {first[RATE]:.3g} nats: "
            "search greater β, to where no rate is left."
        )
    noise = noise_of_a_price(table, float(last["beta"]))
    costs, _ = exchange(members, int(last["trial"]), noise)
    average = (first[DISTORTION] - last[DISTORTION]) / (last[RATE] - first[RATE])
    if costs is not None and costs > END * average:
        yield (
            f"The knee moves with the front's ends, and at that of trial {last['trial']:.0f} a nat "
            f"of rate still buys {costs:.3g} nats of distortion: search smaller β."
        )


def _standings(table: pd.DataFrame, facts: Facts, advice: Sequence[Advice]) -> Iterator[str]:
    """Points that some runs which do not stand well bear upon: too few to refuse a decision, or of
    a point beside the decision."""
    said = set()
    for point in advice:
        found = standings_of(point, table)
        own = table[table["trial"] == point.trial].iloc[0].get(STANDING)
        if own in UNSETTLED and point.trial not in said:
            said.add(point.trial)
            yield f"trial {point.trial}, {point.name}, is {own}. {found.mended(facts)}"
        elif found.undecided and point.trial not in said:
            said.add(point.trial)
            yield f"{_of_trials(found)} {found.counted}. {found.mended(facts)}"
        elif point is advice[0] and 2 * len(found.unknown) >= len(found.trials) > 0:
            yield (
                f"{_of_trials(found)} {len(found.unknown)} of {len(found.trials)} have too short a "
                "history to say whether they have settled."
            )


def _of_trials(found: Standings) -> str:
    return f"of {found.point.name} and the trials within its interval"


def _behind(table: pd.DataFrame, advice: Sequence[Advice]) -> Iterator[str]:
    """Trials outside the interval of the best ELBO that longer runs may bring below it."""
    ahead = table[overtaking(advice[0], table)] if advice else table.head(0)
    if len(ahead):
        trials = "1 trial" if len(ahead) == 1 else f"{len(ahead)} trials"
        yield (
            f"{trials} with other β (from {ahead['beta'].min():.3g} to {ahead['beta'].max():.3g}) "
            f"may come below the best ELBO in twice the steps: by now D + βR falls there by up to "
            f"{ahead['falling'].max():.3g} nats with each doubling."
        )


def _dead(table: pd.DataFrame, advice: Sequence[Advice]) -> Iterator[str]:
    """A decision that uses no latent."""
    own = table[table["trial"] == advice[0].trial] if advice else table.head(0)
    if collapsed(own).any():
        why = "".join(f" {said}." for cause, said in causes(own).items() if cause != OPTIMISATION)
        rate = f"{advice[0].metrics[RATE]:.2g}"
        yield f"{advice[0].name} uses no latent: its rate is {rate} nats.{why}"


def _no_volume(table: pd.DataFrame, facts: Facts) -> Iterator[str]:
    """A front of which no trial is better than the reference point."""
    if len(facts.reference) and hypervolume(table, facts.objectives, facts.reference) == 0:
        yield (
            "the hypervolume is 0: no trial is better than the reference point in every objective."
        )


def _close(table: pd.DataFrame, advice: Sequence[Advice]) -> Iterator[str]:
    """A best ELBO that leads the next one by less than the replicates of one trial differ."""
    spread = f"sd/{ELBO}"
    if spread not in table or len(table) < 2 or not (advice and advice[0].name == "best ELBO"):
        return
    best, second = (row for _, row in table.sort_values(ELBO).head(2).iterrows())
    ahead, chance = second[ELBO] - best[ELBO], max(best[spread], second[spread])
    if ahead < chance:
        yield (
            f"best ELBO is ahead of trial {second['trial']} (β = {second['beta']:.3g}) by "
            f"{ahead:.2g} nats, and the replicates of one trial differ by {chance:.2g} (standard "
            "deviation)."
        )


def _failed(facts: Facts) -> Iterator[str]:
    failed, complete = (facts.counts.get(state, 0) for state in ("failed", "complete"))
    if failed > FAILED * (failed + complete):
        yield (
            f"{failed} of {failed + complete} trials failed: the front is of what could be trained."
        )
