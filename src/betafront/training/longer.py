"""Whether a longer run may go on from the last state of a shorter one.

A finished run keeps its whole state after its last step as `last.ckpt`. Copied as the checkpoint
into the folder of a run that differs by a greater `trainer.steps` alone, that run goes on from
there: with the weights that it has from its start at every step where the shorter run ended with an
epoch, and otherwise with another order of the examples from there on. The best step is chosen among
the validations of both, of which those of the shorter run may be at other steps.
"""

from betafront.objective import Constant
from betafront.training.run import Run


def reason_against(run: Run, settled: bool = False) -> str:
    """Why a run of more steps may not go on from a shorter run's last state: something of it
    depends on the planned steps. Empty where it may.

    Args:
        run: the longer one, or the shorter: they differ by their steps alone.
        settled: β is known to have had its last value from the shorter run's first validation on,
            so that what sets it is no reason.
    """
    if run.make_lr_schedule is not None:
        made = getattr(run.make_lr_schedule, "func", run.make_lr_schedule)
        return _of("lr_schedule", getattr(made, "__name__", type(made).__name__))
    if run.callbacks:
        return f"what callbacks ({', '.join(run.callbacks)}) do may go by the planned steps"
    if run.trainer.aggressive is not None:
        return "trainer.aggressive ends at one of the validations, which go by the planned steps"
    return "" if settled else _of_weighting(run)


def _of_weighting(run: Run) -> str:
    """The reason that lies in what sets β."""
    objective = run.objective_of(run.vae())
    owners = {
        "schedule": objective,
        "schedule@shaping.schedule": objective.shaping,
        "schedule@controller.schedule": objective.controller,
    }
    schedules = [(name, getattr(owner, "schedule", Constant())) for name, owner in owners.items()]
    layers = getattr(objective.shaping, "schedules", ())
    for name, schedule in [*schedules, *(("shaping.schedules", each) for each in layers)]:
        if not isinstance(schedule, Constant):
            return _of(name, type(schedule).__name__)
    decay = getattr(objective.controller, "decay_schedule", Constant())
    if getattr(objective.controller, "decay", 0.0) and not isinstance(decay, Constant):
        return _of("schedule@controller.decay_schedule", type(decay).__name__)
    return ""


def _of(name: str, kind: str) -> str:
    return f"{name} ({kind}) goes by the planned steps, and had its end in the shorter run"
