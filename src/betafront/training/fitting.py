"""Runs to results, bit for bit the same on the CPU for the same seed."""

import logging
import time
import traceback
from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from betafront.data import SPLITS, Data
from betafront.data.seeded import seeded
from betafront.errors import one_line
from betafront.metrics import by_split
from betafront.metrics.registry import Announce
from betafront.metrics.scale_off import scale_off
from betafront.metrics.stationary_beta import EXAMPLES
from betafront.training.attempt import Attempt
from betafront.training.curve_of_family import curve_of
from betafront.training.failure import Diverged, Dropped, Failure
from betafront.training.generators import every_gpu
from betafront.training.lightning.deadline import limits
from betafront.training.lightning.devices import other_processes
from betafront.training.lightning.trained import trained
from betafront.training.lightning.trained_together import Together, trained_together
from betafront.training.lightning.trainer import quiet
from betafront.training.on_the_scale import on_the_scale
from betafront.training.pictures.latent_map import latent_map
from betafront.training.result import STACKED, Result, finite
from betafront.training.run import Run
from betafront.training.spread.calibration import calibrate
from betafront.training.stacked.alike import NotStackable, frame_of
from betafront.training.state import RunState
from betafront.training.trace import trace_arrays
from betafront.training.validation.cause_of import with_cause
from betafront.training.validation.standing_of import standing_of
from betafront.training.writing import write_run

log = logging.getLogger(__name__)


def fit(attempts: Sequence[Attempt]) -> list[Result | Failure]:
    """Train and evaluate runs, and write the files of each into its folder.

    Runs that are alike take their steps together (`betafront.training.stacked`), and then each has
    the result that it has alone to round-off; a run that is trained alone has the same bits. The
    failure of one leaves the others as they are.

    Returns:
        In the order of `attempts`, the result of each, which also stands in its `result.json`, or
        why it has none.
    """
    outcomes: dict[int, Result | Failure] = {}
    for alike in _in_frames(attempts):
        if len(alike) > 1:
            outcomes |= _outcomes(alike, {})
        else:
            outcomes |= {number: _outcome(attempt) for number, attempt in alike.items()}
    return [outcomes[number] for number in range(len(attempts))]


def fit_one(run: Run, folder: Path, **how: Any) -> Result:
    """`fit` of a single run, for callers to whom a run without a result is an error.

    Args:
        run: its parts.
        folder: for its files.
        how: the other attributes of `Attempt`.

    Raises:
        Diverged: the loss or a final value became NaN or infinite.
        Halted: `halt` said so; another attempt goes on from there.
        Dropped: `dropped` said so.
        TimedOut: training took longer than `seconds`.
        Exception: whatever else was raised.
    """
    (outcome,) = fit([Attempt(run, folder, **how)])
    if isinstance(outcome, Failure):
        raise outcome.error
    return outcome


def _in_frames(attempts: Sequence[Attempt]) -> list[dict[int, Attempt]]:
    """Attempts at runs that may be trained together, by their numbers; those at runs that are to be
    trained alone, each by itself."""
    frames: dict[Hashable, dict[int, Attempt]] = {}
    for number, attempt in enumerate(attempts):
        frame: Hashable = number
        if len(attempts) > 1:
            try:
                frame = frame_of(attempt.run)
            except NotStackable as reason:
                _say_alone(attempt, str(reason))
        frames.setdefault(frame, {})[number] = attempt
    return list(frames.values())


def _outcomes(
    attempts: Mapping[int, Attempt], apart: Mapping[int, str]
) -> dict[int, Result | Failure]:
    """The outcomes of attempts at runs of one frame, by their numbers.

    Args:
        attempts: by number.
        apart: why one was not trained with others before.
    """
    if not attempts:
        return {}
    try:
        with quiet():
            together = trained_together(attempts)
    except Exception as error:  # of what the runs have in common, as the memory of all of them
        traceback.clear_frames(error.__traceback__)
        together = Together(alone=dict.fromkeys(attempts, one_line(error)))
    outcomes: dict[int, Result | Failure] = {}
    seconds = together.seconds / max(1, len(together.ended))
    for number, ended in together.ended.items():
        make = partial(_of_stack, attempts[number], ended, seconds)
        outcomes[number] = _caught(make)
    for number, why in together.alone.items():
        _say_alone(attempts[number], why or apart.get(number, "no other run is like it"))
        outcomes[number] = _outcome(attempts[number])
    rest = {number: attempts[number] for number in together.apart}
    return outcomes | _outcomes(rest, {**apart, **together.apart})


def _say_alone(attempt: Attempt, why: str) -> None:
    log.info("%s is trained alone: %s", attempt.folder.name, why)


def _of_stack(attempt: Attempt, ended: tuple[RunState, Data] | Exception, seconds: float) -> Result:
    """The result of a run that was trained with others."""
    if isinstance(ended, Exception):
        raise ended
    return _result(attempt, *ended, seconds)


def _outcome(attempt: Attempt) -> Result | Failure:
    """The outcome of a run that is trained alone."""
    return _caught(lambda: _alone(attempt))


def _caught(make: Callable[[], Result]) -> Result | Failure:
    try:
        return make()
    except Exception as error:
        traceback.clear_frames(error.__traceback__)  # they hold the tensors of the run
        return Failure.of(error)


def _alone(attempt: Attempt) -> Result:
    started = time.monotonic()
    attempt.folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(attempt.run.trainer.threads)
    with quiet(), seeded(attempt.run.seed, every_gpu()):
        state, data = _trained(attempt)
    return _result(attempt, state, data, time.monotonic() - started)


def _result(attempt: Attempt, state: RunState, data: Data, trained_for: float) -> Result:
    """What a run that has taken its last step came to, written into its folder.

    Args:
        attempt: at the run.
        state: after that step.
        data: of the run, on its device.
        trained_for: seconds, of a stack the share of the run.
    """
    run, folder, started = attempt.run, attempt.folder, time.monotonic()
    kept = state.put_best_back()
    calibration = calibrate(state.vae, data, seed=run.seed)
    evaluations = run.evaluations(state.vae, data, _announcing(attempt, state.step))
    metrics, settings, costs = by_split(evaluations)
    if not finite(metrics):
        raise Diverged(state.step, "evaluation")
    trace = trace_arrays(state.trace[: state.step], state.objective, state.steps)
    if (aggressive := state.aggressive) is not None:
        trace["encoder_updates"] = np.array(aggressive.updates, dtype=float)
    x = data.examples("train", EXAMPLES)
    scale = on_the_scale(state.objective, trace, state.vae, x, run.seed)
    off = scale_off(state.vae, x, seed=run.seed)
    curve = curve_of(run, state.vae, state.objective, data)
    standing = standing_of(state, kept, evaluations["val"], scale, off)
    result = Result(
        metrics=metrics,
        scale=scale,
        spectrum=evaluations["val"].kl.tolist(),
        settings=settings
        | calibration
        | ({} if aggressive is None else aggressive.settings)
        | ({} if state.stacked == 1 else {STACKED: state.stacked}),
        history=state.history,
        data={
            "name": run.data.name,
            "digest": run.data.digest,
            "shape": list(run.data.shape),
            **{split: run.data.size(split) for split in SPLITS},
            **({} if run.data.symbols is None else {"symbols": run.data.symbols}),
            **run.data.about,
        },
        seed=run.seed,
        seconds=trained_for + time.monotonic() - started,
        folder=str(folder),
        costs=costs,
        standing=with_cause(standing, state, run, scale),
        latent_shape=list(state.vae.latent_shape),
        widths=list(state.vae.widths),
        curve=curve,
    )
    active = int(metrics["val/active_units"])
    codes = latent_map(
        evaluations["val"].codes,
        result.spectrum,
        active,
        run.data.factors,
        standard_prior=state.vae.factorised,
    )
    latents = state.latents.history(len(state.history) - len(state.latents.steps))
    write_run(result, state.vae, trace, codes, latents, data)
    return result


def _announcing(attempt: Attempt, step: int) -> Announce:
    """Announces a metric, unless nobody waits for it any more."""

    def announce(name: str) -> None:
        if attempt.dropped is not None and attempt.dropped():
            raise Dropped(step)
        attempt.announce(name)

    return announce


def _trained(attempt: Attempt) -> tuple[RunState, Data]:
    """The state of the run after its last step, and its data, both on the device of the run."""
    ends = limits(attempt.seconds, attempt.dropped)
    with other_processes(attempt.run, attempt.folder):
        return trained(attempt.run, attempt.folder, attempt.report, attempt.halt, ends)
