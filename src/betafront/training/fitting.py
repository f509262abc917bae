"""Runs to results, bit for bit the same on the CPU for the same seed."""

import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from betafront.data import SPLITS, Data
from betafront.data.seeded import seeded
from betafront.metrics import by_split
from betafront.metrics.registry import Announce, silent
from betafront.metrics.scale_off import scale_off
from betafront.metrics.stationary_beta import EXAMPLES
from betafront.training.curve_of_family import curve_of
from betafront.training.failure import Diverged, Dropped, Failure
from betafront.training.generators import every_gpu
from betafront.training.history import Row
from betafront.training.lightning.checkpoint import Halt
from betafront.training.lightning.deadline import limits
from betafront.training.lightning.devices import other_processes
from betafront.training.lightning.trained import ignore, trained
from betafront.training.lightning.trainer import quiet
from betafront.training.on_the_scale import on_the_scale
from betafront.training.pictures.latent_map import latent_map
from betafront.training.result import Result, finite
from betafront.training.run import Run
from betafront.training.spread.calibration import calibrate
from betafront.training.state import RunState
from betafront.training.trace import trace_arrays
from betafront.training.validation.cause_of import with_cause
from betafront.training.validation.standing_of import standing_of
from betafront.training.writing import write_run


@dataclass(frozen=True)
class Attempt:
    """An attempt at a run, which may end before the run does.

    Attributes:
        run: its parts.
        folder: for its files. Where it holds the checkpoint of a run that was stopped, the attempt
            goes on from there, and ends with the bits that the run would have had.
        report: called with each row of the history as it is made.
        halt: asked at the end of every validated epoch but the last, whether to stop with a
            checkpoint.
        seconds: the most that training may take in this attempt, by the wall clock.
        announce: called with the split and the name of each further metric as it begins.
        dropped: asked after every step, and before each further metric, whether nobody waits for
            the run any more: it ends there, without a checkpoint.
    """

    run: Run
    folder: Path
    report: Callable[[Row], None] = ignore
    halt: Halt | None = None
    seconds: float | None = None
    announce: Announce = silent
    dropped: Callable[[], bool] | None = None


def fit(attempts: Sequence[Attempt]) -> list[Result | Failure]:
    """Train and evaluate runs, and write the files of each into its folder.

    Every run has the bits that it has alone: its state and its generators are its own, and the
    failure of one leaves the others as they are.

    Returns:
        In the order of `attempts`, the result of each, which also stands in its `result.json`, or
        why it has none.
    """
    return [_outcome(attempt) for attempt in attempts]


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


def _outcome(attempt: Attempt) -> Result | Failure:
    try:
        return _result(attempt)
    except Exception as error:
        traceback.clear_frames(error.__traceback__)  # they hold the tensors of the run
        return Failure.of(error)


def _result(attempt: Attempt) -> Result:
    run, folder, started = attempt.run, attempt.folder, time.monotonic()
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(run.trainer.threads)
    with quiet(), seeded(run.seed, every_gpu()):
        state, data = _trained(attempt)
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
        settings=settings | calibration | ({} if aggressive is None else aggressive.settings),
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
        seconds=time.monotonic() - started,
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
