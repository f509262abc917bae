"""What a study is: its question, objectives, space and budget, as they are kept in the storage."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from betafront.config.former import lacking
from betafront.errors import UserError
from betafront.metrics.catalogue import needing_one_likelihood
from betafront.metrics.masses import mass_of

if TYPE_CHECKING:
    from optuna import Study

    from betafront.study.storage.study_store import Store

SPEC = "betafront"
STEPS, EPOCHS = "trainer.steps", "trainer.epochs"
OFF, OWN_LINE = "off", "own_line"
AUTO = "auto"
PRUNERS = (OFF, OWN_LINE)
IDENTITY = "identity"  # a user attribute of its own: drawn once, when the study is made
UNRECORDED = ("NoTracker", "NoView")  # trackers of `tracking=off`, now and in earlier versions


@dataclass(frozen=True)
class Spec:
    """A study as it was asked for.

    Attributes:
        name: of the study, and of its folder.
        question: in words; may be empty.
        objectives: metric to direction, in order.
        space: parameter to the sweep as written.
        space_digest: of the parsed space.
        base: the configuration outside the space, as dotted keys: with the space, all that decides
            what a trial computes.
        sampler, seed: how points are drawn.
        trials: the budget.
        workers: how many processes share it.
        stack: the most runs that a worker trains as one program; AUTO for as many as pay where it
            works.
        conditions: parameter to the choices of others under which it is there, as written.
        constraints: between parameters, as written.
        queue: points to be tried first, in order.
        imports: trials of other studies that this one takes over before anything else, in order:
            each with its `params`, and its `origin` as `betafront.study.trials.origin` writes it.
        seconds: the wall-clock budget of all launches together; None for none.
        steps: the budget of optimiser steps of all trials together; None for none.
        trial_seconds: of training that an attempt at a run may take; None for any.
        replicates: runs per trial, which differ by their seeds.
        retries: how often a lost trial is tried again.
        lease: for how many seconds a worker holds a trial when it renews its claim.
        fail_fast: stop at the first failure.
        max_failures: stop beyond so many failures, or beyond such a part of the trials; None for
            never.
        pruner: which runs are stopped before their last step, one of PRUNERS.
        folder: where the run folders are, as far as the reader knows.
        tracking: the configuration of the tracker.
        as_forecast: parameters whose search was `auto`: `space` has the range that the forecast
            gave when the study was made.
        reference: for the hypervolume, one number per objective; None until it is measured.
        identity: tells studies of the same name apart; empty where it was made by an earlier
            version, and not gone on with since.
    """

    name: str
    question: str
    objectives: dict[str, str]
    space: dict[str, str]
    space_digest: str
    base: dict[str, Any]
    sampler: str
    seed: int
    trials: int
    workers: int
    folder: str
    tracking: dict[str, Any]
    reference: list[float] | None = None
    pixels: int = 0
    latents: int = 0
    data_digest: str = ""
    command: list[str] = field(default_factory=list)
    conditions: dict[str, list[str]] = field(default_factory=dict)
    constraints: list[str] = field(default_factory=list)
    as_forecast: list[str] = field(default_factory=list)
    queue: list[dict[str, Any]] = field(default_factory=list)
    imports: list[dict[str, Any]] = field(default_factory=list)
    seconds: float | None = None
    trial_seconds: float | None = None
    replicates: int = 1
    retries: int = 3
    lease: float = 60.0
    fail_fast: bool = False
    max_failures: float | None = None
    pruner: str = OFF
    stack: int | str = 1
    steps: int | None = None
    identity: str = ""

    @property
    def one_scale(self) -> bool:
        """Whether distortions of all trials compare: those of different likelihoods do on
        dequantised data, where all are bounds on the log mass of the discrete images, and where all
        are masses of counts."""
        if self.mass or self.base.get("data.dequantize") is True:
            return True
        return "likelihood" not in self.space and not self.searches_total

    @property
    def searches_total(self) -> bool:
        """Whether some trials are of counts for a given total, and others of the counts."""
        return any(key.lstrip("+") == "likelihood.total" for key in self.space)

    @property
    def mass(self) -> str:
        """As `betafront.metrics.masses.mass_of`."""
        return mass_of(self.base, self.space, self.command)

    def comparable(self, other: "Spec", objectives: Collection[str]) -> str:
        """Why trials of this study and of another cannot be compared by these objectives; empty
        where they can."""
        if self.data_digest != other.data_digest:
            return (
                f"{self.name} and {other.name} have other data, or another split of it (digests "
                f"{self.data_digest} and {other.data_digest})"
            )
        kinds = {spec.base.get("likelihood._target_") for spec in (self, other)}
        over = needing_one_likelihood(objectives)
        dequantized = all(spec.base.get("data.dequantize") is True for spec in (self, other))
        masses = {spec.mass for spec in (self, other)}
        alike = len(kinds) == 1 and self.one_scale and other.one_scale
        if over and any(masses):
            if len(masses) == 1:
                return self._measured_otherwise(other, objectives)
            if all(masses):
                return (
                    f"{self.name} and {other.name} have {over[0]} of other things: of "
                    f"{self.mass} and of {other.mass} (likelihood.total)"
                )
        if over and not dequantized and not alike:
            return (
                f"{self.name} and {other.name} have other likelihoods, and {over[0]} of a density "
                "is not in the units of a mass or of another density"
            )
        if over and len(kinds) > 1 and any("bernoulli" in str(k).rpartition(".")[2] for k in kinds):
            return (
                f"{self.name} and {other.name} have other likelihoods, and {over[0]} of Bernoulli "
                "on dequantised images is cross-entropy, which bounds no log mass"
            )
        return self._measured_otherwise(other, objectives)

    def _measured_otherwise(self, other: "Spec", objectives: Collection[str]) -> str:
        """Why values of the further metrics among the objectives have other settings in the other
        study; empty where they have not."""
        for objective in objectives:
            value = objective.partition("/")[2]
            mine, theirs = (_settings_behind(value, spec.base) for spec in (self, other))
            for key in mine.keys() & theirs.keys():
                if mine[key] != theirs[key]:
                    return (
                        f"{self.name} and {other.name} have other values of {objective}, by "
                        f"{key}={mine[key]} and by {key}={theirs[key]} (a new sweep may be given "
                        "either)"
                    )
        return ""

    @property
    def is_recorded(self) -> bool:
        """Whether a tracker records the trials."""
        return str(self.tracking.get("_target_")).rpartition(".")[2] not in UNRECORDED

    @property
    def by_epochs(self) -> bool:
        """Whether `trainer.epochs` says how long the runs are."""
        return EPOCHS in self.space or self.base.get(EPOCHS) is not None

    @property
    def written_space(self) -> dict[str, str]:
        """Parameter to its sweep and its conditions, and the constraints, as they were written."""
        shown = {
            key: " where ".join([sweep, *self.conditions.get(key, [])])
            for key, sweep in self.space.items()
        }
        return shown | dict.fromkeys(self.constraints, "a constraint")

    def store(self, store: "Store") -> None:
        """Write the specification to the study, but for the folder, which may be moved, and the
        identity, which the study has for good."""
        kept = asdict(self) | {"folder": ""}
        del kept["identity"]
        store.set(SPEC, kept)

    @classmethod
    def load(cls, study: "Study", folder: Path | str = "") -> "Spec":
        """Read the specification of a study whose run folders are in `folder`.

        Raises:
            UserError: the study is not one of ours, or its name would put its files elsewhere.
        """
        settings, name = study.user_attrs, study.study_name
        if "/" in name or name in (".", ".."):  # no sweep has made it
            raise UserError(f"the study '{name}' would have its files outside of the runs folder")
        if not is_ours(settings):
            raise UserError(
                f"the study '{name}' is another program's: it was not made by betafront sweep"
            )
        return cls.of(settings, folder).called(name)

    @classmethod
    def of(cls, settings: Mapping[str, Any], folder: Path | str = "") -> "Spec":
        """The specification among what is kept of a study.

        Raises:
            UserError: there is none.
        """
        if not is_ours(settings):
            raise UserError("the study was deleted from its storage, or is another program's")
        identity = str(settings.get(IDENTITY, ""))
        return cls(**settings[SPEC] | {"folder": str(folder), "identity": identity})

    def called(self, name: str) -> "Spec":
        """The specification under the name that the study has in the storage: other programs copy
        studies, and give them other names."""
        if name == self.name:
            return self
        from betafront.study.search.choices import written  # Hydra's grammar, seldom needed here

        rest = [word for word in self.command if not word.startswith("study.name=")]
        return replace(self, name=name, command=[*rest, f"study.name={written(name)}"])

    def refuse_if_changed(self, old: "Spec") -> None:
        """Refuse to go on with a study that was made for something else.

        Raises:
            UserError: naming what differs.
        """
        change = ""
        if self.space_digest != old.space_digest:
            change = f"another space ({_difference(old.written_space, self.written_space)})"
        elif not (change := self.other_runs(old)) and self.seed != old.seed:
            change = f"study.seed={old.seed}, now {self.seed}"
        if change:
            raise UserError(
                f"the study '{self.name}' exists with {change}: choose another name with "
                "study.name=… to start a new study"
            )

    def other_runs(self, old: "Spec", but: Collection[str] = ()) -> str:
        """Why a run of another study answers something else than the run of this one with the same
        parameters and the same seed; empty where it is the same run, measured for the same.

        Args:
            old: the other study.
            but: settings that may differ.
        """
        if list(self.objectives.items()) != list(old.objectives.items()):
            return f"other objectives ({', '.join(old.objectives)})"
        if all(isinstance(spec.base.get(STEPS), int) for spec in (self, old)):
            but = {*but, EPOCHS}  # which are steps, too
        then, now = (
            {k: v for k, v in (lacking(s.base) | s.base).items() if k not in but}
            for s in (old, self)
        )
        if now != then:
            return f"other settings ({_difference(then, now)})"
        if self.data_digest != old.data_digest:
            return f"other data (digest {old.data_digest}, now {self.data_digest})"
        return ""


def _settings_behind(value: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Of the settings of a study those of the further metric that a value is of: one of its name,
    or with more after it, as `dci_completeness` is of `dci`. None is left out (a default)."""
    start = "metrics.further."
    found = {}
    for key, setting in (lacking(settings) | dict(settings)).items():
        metric = key.removeprefix(start).partition(".")[0]
        if key.startswith(start) and f"{value}_".startswith(f"{metric}_") and setting is not None:
            found[key] = setting
    return found


def is_ours(settings: Mapping[str, Any]) -> bool:
    """Whether a study was made by this project.

    Args:
        settings: the user attributes of the study.
    """
    return isinstance(settings.get(SPEC), Mapping)


def _difference(old: Mapping[str, Any], new: Mapping[str, Any], most: int = 2) -> str:
    def show(side: Mapping[str, Any], key: str) -> str:
        return str(side[key]) if key in side else "nothing"

    keys: Sequence[str] = [k for k in {**old, **new} if old.get(k, ...) != new.get(k, ...)]
    named = [f"{k}: {show(old, k)}, now {show(new, k)}" for k in keys[:most]]
    more = f" and {len(keys) - most} more" if len(keys) > most else ""
    return "; ".join(named) + more
