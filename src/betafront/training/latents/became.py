"""What became of the latents of a run, in words: which never were active, which died, which woke
up, and whether the rate vanished. It says what was seen and at which step and β, and not why."""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from betafront.errors import one_line
from betafront.training.folder import RunFolder
from betafront.training.latents.history import LatentHistory
from betafront.training.latents.units import Units
from betafront.training.standing import DEAD_RATE

log = logging.getLogger(__name__)

NAMED = 6  # units of one fate, or of one step, by their names
TOLD = 3  # steps of one fate

Flags = NDArray[np.bool_]


def what_became(found: LatentHistory) -> list[str]:
    """Two sentences, and between them one of the layers where there are several.

    A latent is active at a validation as `LatentHistory.is_active` says, and the rate has vanished
    where it is below `DEAD_RATE` nats.
    """
    lines = [_state(found, found.rate.sum(1), found.active.sum(1), int(found.widths.sum()))]
    if found.units.are_layered:
        layers = zip(found.rate.T, found.active.T, found.widths.tolist(), strict=True)
        said = [f"layer {i}: {_state(found, *layer)}" for i, layer in enumerate(layers, 1)]
        lines.append("; ".join(said))
    return [*lines, _fates(found)]


def said_of(folder: Path) -> list[str]:
    """`what_became` of the latents of the run in a folder; nothing where it did not record them, or
    the file is damaged."""
    path = RunFolder(folder).latent_history
    if not path.is_file():
        return []
    try:
        return what_became(LatentHistory.load(folder))
    except Exception as error:  # a damaged file makes its reader raise almost anything
        log.warning("%s is left out: it cannot be read (%s)", path, one_line(error)[:200])
        return []


def deaths(found: LatentHistory) -> dict[int, int]:
    """The first validation of those without activity to which a unit came for good, by the unit: of
    those that had been active before."""
    active = found.is_active
    died = active.any(0) & ~active[-1]
    return {int(unit): _since(active[:, unit]) for unit in np.flatnonzero(died)}


def awakenings(found: LatentHistory) -> dict[int, int]:
    """The first validation from which on a unit was active for good, by the unit: of those that had
    not been active before."""
    active = found.is_active
    woke = active[-1] & ~active.all(0)
    return {int(unit): _since(active[:, unit]) for unit in np.flatnonzero(woke)}


def _since(flags: Flags) -> int:
    """The first of the last values that are alike."""
    return int(np.flatnonzero(flags != flags[-1])[-1]) + 1


def _state(
    found: LatentHistory, rate: NDArray[np.float64], active: NDArray[np.int64], latents: int
) -> str:
    """Whether the rate vanished, in whole or in part, of all latents or of those of a layer.

    Args:
        found: of the run.
        rate, active: (V,) of these latents.
        latents: how many they are.
    """
    vanished, now = rate < DEAD_RATE, int(active[-1])
    counted = f"{now} of {latents} latents active at step {found.step[-1]:,}"
    if active.max() > now:
        counted += f" ({active.max()} at step {found.step[active.argmax()]:,})"
    if vanished.all():
        start = "at every validation that was recorded" if found.missing else "from the start"
        line = f"collapsed {start}: R was below {DEAD_RATE} nats at {_every(found)}"
        return f"{line}, with {counted}" if now else line
    if vanished[-1]:
        return (
            f"collapsed {_between(found, _since(vanished))}: R is below {DEAD_RATE} nats from "
            f"there on, and had been up to {rate.max():.3g}"
        )
    counted += f", {'' if now else 'and yet '}R = {rate[-1]:.3g} nats"
    if now == 0:
        return counted
    return f"{'not' if now == latents else 'partly'} collapsed: {counted}"


def _fates(found: LatentHistory) -> str:
    """Which units never were active, which died, which woke up, and how many were active at all
    validations, with the threshold."""
    units, active = found.units, found.is_active
    names, every = units.names, _every(found)
    never, always = np.flatnonzero(~active.any(0)), int(active.all(0).sum())
    said = []
    if len(never) == len(names):
        of = "recorded validation" if found.missing else "validation"
        said.append(f"none of {len(names)} {units.noun} was active at any {of}")
    elif len(never):
        not_once = "at no recorded validation active" if found.missing else "never active"
        said.append(f"{not_once}: {_named([names[unit] for unit in never])}")
    for verb, fates in (("died", deaths(found)), ("woke up", awakenings(found))):
        if fates:
            said.append(f"{verb}: {_by_step(found, fates, names)}")
    if always:
        said.append(f"active at {every}: {always} of {len(names)} {units.noun}")
    which = "" if units.are_all_kept else f"of the first {max(units.kept):,} {units.noun} "
    which += "of each layer " if which and units.are_layered else ""
    return f"{which}{'; '.join(said)} (active: {_measured(units)} exceeds {found.threshold:g})"


def _measured(units: Units) -> str:
    """What of a unit exceeds the threshold where it is active."""
    if units.are_layered:
        return "its mean KL in nats over the validation split"
    where = " at one of its positions" if units.positions > 1 else ""
    whose = "the" if where else "its"
    return f"the variance of {whose} posterior mean{where} over the validation split"


def _by_step(found: LatentHistory, fates: dict[int, int], names: Sequence[str]) -> str:
    """Units with the steps, and the β, between which they met one fate, the earliest first."""
    rows = sorted(set(fates.values()))
    shown = rows if len(rows) <= TOLD + 1 else rows[:TOLD]
    told = []
    for row in shown:
        met = [names[unit] for unit, at in fates.items() if at == row]
        told.append(f"{_named(met)} {_between(found, row)}")
    if more := sum(at > shown[-1] for at in fates.values()):
        told.append(f"and {more} more, the last {_between(found, rows[-1])}")
    return ", ".join(told)


def _between(found: LatentHistory, row: int) -> str:
    """The steps, and the β, between a validation and the one before it."""
    steps = f"between steps {found.step[row - 1]:,} and {found.step[row]:,}"
    one, other = (f"{beta:.3g}" for beta in found.beta[row - 1 : row + 1])
    if not np.isfinite(found.beta[row - 1 : row + 1]).all():
        return steps
    return f"{steps} (β = {one})" if one == other else f"{steps} (β = {one} to {other})"


def _every(found: LatentHistory) -> str:
    """All validations that are recorded, in words."""
    n = len(found)
    kind = "recorded validations" if found.missing else "validations"
    return f"each of {n} {kind}" if n > 1 else f"the only {kind.removesuffix('s')}"


def _named(names: Sequence[str]) -> str:
    """Units by their names, the first few of many."""
    if len(names) <= NAMED + 1:
        return ", ".join(names)
    return f"{', '.join(names[:NAMED])} and {len(names) - NAMED} more"
