"""The commands that go on from a study: a wider one, a longer one, one with more replicates."""

import re
import shlex
from collections.abc import Mapping

from betafront.front.table import Facts

STEPS, EPOCHS, KEEP = "trainer.steps", "trainer.epochs", "trainer.keep"
BARE = re.compile(r"[A-Za-z_][\w-]*", re.ASCII)
NOT_WORDS = ("null", "true", "false", "nan", "inf")
INNER, LOW, HIGH = "model.of.", "model.low", "model.high"  # of a model conditioned on β
WEIGHT, SAMPLER, AROUND = "objective.weight", "study.sampler", (0.5, 1.0, 2.0)
NAME, IMPORT, BUDGET = "study.name", "study.import_from", "study.budget.trials"


def again(facts: Facts, changed: Mapping[str, str]) -> str:
    """The command that makes the study, with some of its words changed.

    Args:
        facts: of the study.
        changed: key to value; a key that the command has is replaced, another is added. One with an
            empty value is left out.
    """
    words = shlex.split(facts.command)
    kept = [word for word in words if word.partition("=")[0].lstrip("+") not in changed]
    return shlex.join([*kept, *(f"{key}={value}" for key, value in changed.items() if value)])


def new_study(facts: Facts, word: str, changed: Mapping[str, str], imported: bool = True) -> str:
    """The command that makes another study like this one, with some of its words changed.

    Args:
        facts: of the study.
        word: the end of the new name: `further`, `longer`.
        changed: key to value.
        imported: whether the new study begins with the trials of this one.
    """
    begun = {IMPORT: as_written(facts.name) if imported else ""}
    return again(facts, {**changed, NAME: as_written(_name(facts.name, word)), **begun})


def longer(facts: Facts, steps: float, factor: int) -> str:
    """The command that makes the study with `factor` times the optimiser steps, going on from its
    runs."""
    return new_study(facts, "longer", in_steps(facts, steps * factor))


def in_steps(facts: Facts, steps: float) -> dict[str, str]:
    """What gives the runs of a study so many optimiser steps."""
    epochs = {EPOCHS: "null"} if facts.by_epochs else {}
    return {STEPS: f"{steps:.0f}", **epochs}


def further(facts: Facts, override: str) -> str:
    """The command that searches a wider range of the weight, beginning with the study's trials,
    which count against the new budget: it allows as many again.

    Args:
        facts: of the study.
        override: of the weight (`betafront.front.Reach`).
    """
    key, _, value = override.partition("=")
    return new_study(facts, "further", {key: value, BUDGET: str(2 * facts.budget)})


def separately(facts: Facts, weight: float) -> str:
    """The command that trains separate runs of the model of which a conditioned one was made: at a
    weight, and at half and double; empty where it is not known of which it was made.

    Args:
        facts: of the study.
        weight: of a point of a curve, as its run would be told it.
    """
    if not facts.inner:
        return ""
    words = shlex.split(facts.command)
    own = {w[len(INNER) :].partition("=")[0]: w for w in words if w.startswith(INNER)}
    keys = (word.partition("=")[0].lstrip("+~") for word in words)
    others = [key for key in keys if key.startswith(("model.", "model@"))]
    weights = ",".join(f"{factor * weight:.4g}" for factor in AROUND)
    return new_study(
        facts,
        "separate",
        {
            **dict.fromkeys(others, ""),
            "model": facts.inner,
            **{f"model.{key}": word.partition("=")[2] for key, word in own.items()},
            WEIGHT: weights,
            SAMPLER: "grid",
            BUDGET: str(len(AROUND)),
        },
        imported=False,
    )


def as_written(name: str) -> str:
    """A name as Hydra's grammar takes it: in quotes of its own where the bare name would be read as
    something else, or not at all.

    >>> as_written("weighting-digits"), as_written("größe β"), as_written("null")
    ('weighting-digits', "'größe β'", "'null'")
    """
    if BARE.fullmatch(name) and name.lower() not in NOT_WORDS:
        return name
    name = re.sub(r"(\\+)(?='|$)", r"\1\1", name)  # a single \ would take the quote into the name
    return "'" + name.replace("'", "\\'") + "'"


def _name(name: str, word: str) -> str:
    """`study-further` of `study`, `study-further-2` of `study-further`."""
    found = re.fullmatch(rf"(.*-{word})(?:-(\d+))?", name)
    return f"{found[1]}-{int(found[2] or 1) + 1}" if found else f"{name}-{word}"
