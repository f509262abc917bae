"""What to be careful with in a decision."""

from collections.abc import Iterator, Sequence

import pandas as pd

from betafront.front.curves import are_among, is_of_curve, point_of, points_or_trials, trials_of
from betafront.front.decision.advice import Advice
from betafront.front.decision.collapse import causes, collapsed
from betafront.front.decision.commands import HIGH, LOW, further, new_study, separately
from betafront.front.decision.price import exchange, noise_of_a_price
from betafront.front.decision.standings import Standings, overtaking, standings_of
from betafront.front.front import front, hypervolume
from betafront.front.slope import NAT, off_their_lines
from betafront.front.table import DISTORTION, ELBO, PLANE, RATE, STANDING, Facts, usable
from betafront.training.cause import OPTIMISATION
from betafront.training.standing import UNSETTLED

FAILED = 0.2  # of the trials: where more have failed, the others may be the easy ones
FURTHER = 10.0  # factor by which a wider range of a conditioned model reaches beyond one end
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
    found = [*_above_the_line(facts, advice), *_of_one_model(facts, advice)]
    found += [*_at_the_edge(kept, facts, advice), *_open_ends(kept, facts, advice)]
    found += [*_standings(kept, facts, advice), *_behind(kept, advice), *_dead(kept, advice)]
    found += [said for cause, said in causes(kept).items() if cause == OPTIMISATION]
    found += [*_close(kept, advice), *_no_volume(table, facts), *_failed(facts)]
    return [*found, off] if facts.one_scale and (off := off_their_lines(kept)) else found


def _above_the_line(facts: Facts, advice: Sequence[Advice]) -> Iterator[str]:
    """A decision that a linear VAE with as many latents surpasses at the same β. A model of more
    freedom need not be worse, but its runs may rest for long where few latents are used (Saxe et
    al. 2014, arXiv:1312.6120), and count as settled there; and of several layers latents die early
    that the optimum uses (Bowman et al. 2015, section 3.1)."""
    if facts.floor is None or not facts.rate_distortion or not advice:
        return
    beta, metrics = advice[0].beta, advice[0].metrics
    linear, own = facts.floor.least(beta), metrics[DISTORTION] + beta * metrics[RATE]
    if own - linear < NAT:
        return
    yield (
        f"at β = {beta:.3g} a linear VAE with as many latents comes to D + βR = {linear:.2f} nats "
        f"on the validation split (betafront forecast), and {advice[0].name} to {own:.2f}. Such a "
        "run has lost latents early, rests on a plateau although it looks settled, learns its "
        "examples by heart, is held back by a penalty, or its model is too weak: the decision is "
        "that of such runs, and not of the best that VAEs can do. Fewer layers, or a β that rises "
        "at first (schedule=linear), keep latents alive; fewer units learn less by heart."
    )


def _of_one_model(facts: Facts, advice: Sequence[Advice]) -> Iterator[str]:
    """Points that were read off the curve of one model."""
    read_off = [one for one in advice if one.of_curve]
    if not read_off:
        return
    first, named = read_off[0], " and ".join(one.name for one in read_off)
    lies, runs = ("is", "a run of its own") if len(read_off) == 1 else ("are", "runs of their own")
    said = (
        f"{named} {lies} read off one model conditioned on β (trial {first.trial}), and {runs} may "
        "come to other values."
    )
    command = "" if first.weight is None else separately(facts, first.weight)
    at = f"Such runs at β = {first.beta:.3g}, at half and at double"
    yield f"{said} {at}: {command}" if command else said


def _at_the_edge(table: pd.DataFrame, facts: Facts, advice: Sequence[Advice]) -> Iterator[str]:
    """Advised points with the smallest or the greatest β of all trials."""
    seen = set()
    for one in advice:
        below, above = (table["beta"] < one.beta).any(), (table["beta"] > one.beta).any()
        if below == above or one.point in seen:  # between others, or the only β
            continue
        seen.add(one.point)
        which = "greatest" if below else "smallest"
        if one.of_curve:
            said = _wider(facts, one.beta, below)
        else:
            said = _further(facts, float(_row(table, one)["weight"]), below)
        yield f"{one.name} has the {which} β of all {points_or_trials(table)}: {said}"


def _row(table: pd.DataFrame, point: Advice) -> "pd.Series[float]":
    return table[are_among(table, {point.point})].iloc[0]


def _wider(facts: Facts, beta: float, above: bool) -> str:
    """How to train one model for a range of β that reaches further than to that of its last
    point."""
    end, value = (HIGH, beta * FURTHER) if above else (LOW, beta / FURTHER)
    command = new_study(facts, "wider", {end: f"{value:.4g}"}, imported=False)
    return (
        f"the best may lie beyond the range that the model was trained for. A wider one: {command}"
    )


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
        greater = f"train for greater β ({HIGH})" if is_of_curve(first) else "search greater β"
        yield (
            f"The knee moves with the front's ends, and one is at R = {first[RATE]:.3g} nats: "
            f"{greater}, to where no rate is left."
        )
    noise = noise_of_a_price(table, float(last["beta"]))
    costs, _ = exchange(members, point_of(last), noise)
    average = (first[DISTORTION] - last[DISTORTION]) / (last[RATE] - first[RATE])
    if costs is not None and costs > END * average:
        smaller = f"train for smaller β ({LOW})" if is_of_curve(last) else "search smaller β"
        yield (
            f"The knee moves with the front's ends, and at that of trial {last['trial']:.0f} a nat "
            f"of rate still buys {costs:.3g} nats of distortion: {smaller}."
        )


def _standings(table: pd.DataFrame, facts: Facts, advice: Sequence[Advice]) -> Iterator[str]:
    """Points that some runs which do not stand well bear upon: too few to refuse a decision, or of
    a point beside the decision."""
    said = set()
    for point in advice:
        found = standings_of(point, table)
        own = _row(table, point).get(STANDING)
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
    ahead = trials_of(table[overtaking(advice[0], table)]) if advice else table.head(0)
    if len(ahead):
        trials = "1 trial" if len(ahead) == 1 else f"{len(ahead)} trials"
        yield (
            f"{trials} with other β (from {ahead['beta'].min():.3g} to {ahead['beta'].max():.3g}) "
            f"may come below the best ELBO in twice the steps: by now D + βR falls there by up to "
            f"{ahead['falling'].max():.3g} nats with each doubling."
        )


def _dead(table: pd.DataFrame, advice: Sequence[Advice]) -> Iterator[str]:
    """A decision that uses no latent."""
    own = table[are_among(table, {a.point for a in advice[:1]})]
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
