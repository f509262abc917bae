"""What a study is: its question, objectives, space and budget, read from the configuration and kept
in the storage."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf

from betafront.config.parts import PARTS
from betafront.errors import UserError
from betafront.metrics.catalogue import direction, needing_one_likelihood
from betafront.study.gpus import visible
from betafront.study.search.grammar import values
from betafront.study.search.samplers import check_sampler
from betafront.study.search.space import Space

if TYPE_CHECKING:
    from optuna import Study

    from betafront.study.storage.study_store import Store

SPEC = "betafront"
DIRECTIONS = ("minimize", "maximize")


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
        conditions: parameter to the choices of others under which it is there, as written.
        constraints: between parameters, as written.
        queue: points to be tried first, in order.
        seconds: the wall-clock budget of all launches together; None for none.
        trial_seconds: of training that an attempt at a run may take; None for any.
        replicates: runs per trial, which differ by their seeds.
        retries: how often a lost trial is tried again.
        fail_fast: stop at the first failure.
        max_failures: stop beyond so many failures, or beyond such a part of the trials; None for
            never.
        folder: where the run folders are, as far as the reader knows.
        tracking: the configuration of the view.
        reference: for the hypervolume, one number per objective; None until it is measured.
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
    queue: list[dict[str, Any]] = field(default_factory=list)
    seconds: float | None = None
    trial_seconds: float | None = None
    replicates: int = 1
    retries: int = 3
    fail_fast: bool = False
    max_failures: float | None = None

    @property
    def one_scale(self) -> bool:
        """Whether distortions of all trials compare: those of different likelihoods do on
        dequantised data alone, where all are bounds on the log mass of the discrete images."""
        return "likelihood" not in self.space or self.base.get("data.dequantize") is True

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
        whole = all(spec.base.get("data.dequantize") is True for spec in (self, other))
        if over and not whole and (len(kinds) > 1 or not (self.one_scale and other.one_scale)):
            return (
                f"{self.name} and {other.name} have other likelihoods, and {over[0]} of a density "
                "is not in the units of a mass or of another density"
            )
        if over and len(kinds) > 1 and any("bernoulli" in str(k).rpartition(".")[2] for k in kinds):
            return (
                f"{self.name} and {other.name} have other likelihoods, and {over[0]} of Bernoulli "
                "on dequantised images is cross-entropy, which bounds no log mass"
            )
        return ""

    @property
    def written_space(self) -> dict[str, str]:
        """Parameter to its sweep and its conditions, and the constraints, as they were written."""
        shown = {
            key: " where ".join([sweep, *self.conditions.get(key, [])])
            for key, sweep in self.space.items()
        }
        return shown | dict.fromkeys(self.constraints, "a constraint")

    def store(self, store: "Store") -> None:
        """Write the specification to the study, but for the folder, which may be moved."""
        store.set(SPEC, asdict(self) | {"folder": ""})

    @classmethod
    def load(cls, study: "Study", folder: Path | str = "") -> "Spec":
        """Read the specification of a study whose run folders are in `folder`.

        Raises:
            UserError: the study is not one of ours.
        """
        settings = study.user_attrs
        if SPEC not in settings:
            raise UserError(f"the study '{study.study_name}' was not made by betafront sweep")
        return cls.of(settings, folder)

    @classmethod
    def of(cls, settings: Mapping[str, Any], folder: Path | str = "") -> "Spec":
        """The specification among what is kept of a study."""
        return cls(**settings[SPEC] | {"folder": str(folder)})

    def refuse_if_changed(self, old: "Spec") -> None:
        """Refuse to go on with a study that was made for something else.

        Raises:
            UserError: naming what differs.
        """
        way_out = "choose another name with study.name=… to start a new study"
        if self.space_digest != old.space_digest:
            raise UserError(
                f"the study '{self.name}' exists with another space "
                f"({_difference(old.written_space, self.written_space)}): {way_out}"
            )
        if list(self.objectives.items()) != list(old.objectives.items()):
            raise UserError(
                f"the study '{self.name}' exists with other objectives "
                f"({', '.join(old.objectives)}): {way_out}"
            )
        if self.base != old.base:
            raise UserError(
                f"the study '{self.name}' exists with other settings "
                f"({_difference(old.base, self.base)}): {way_out}"
            )
        if self.seed != old.seed:
            raise UserError(
                f"the study '{self.name}' exists with study.seed={old.seed}, now {self.seed}: "
                f"{way_out}"
            )
        if self.data_digest != old.data_digest:
            raise UserError(
                f"the study '{self.name}' was made with other images (digest {old.data_digest}, "
                f"now {self.data_digest}): {way_out}"
            )


def read_spec(config: DictConfig, space: Space, lines: Mapping[str, str]) -> Spec:
    """The specification in a composed configuration.

    Args:
        config: without the search space applied.
        space: parsed.
        lines: parameter to the sweep as written.

    Raises:
        UserError: a budget, an objective or a sampler will not do.
    """
    study = config.study
    for key, least in (
        ("budget.trials", 1), ("workers", 1), ("seed", 0), ("replicates", 1), ("retries", 0),
    ):  # fmt: skip
        _check_whole(f"study.{key}", OmegaConf.select(study, key), least)
    for key in ("budget.seconds", "budget.trial_seconds"):
        _check_positive(f"study.{key}", OmegaConf.select(study, key))
    _check_max_failures(study.max_failures)
    if not isinstance(study.fail_fast, bool):
        raise UserError(f"study.fail_fast must be true or false, not {study.fail_fast}")
    check_sampler(study.sampler)
    name = str(study.name)
    if not name or "/" in name or name.startswith("."):
        raise UserError(
            f"study.name names a folder, and '{name}' cannot: leave out / and a first ."
        )
    objectives = read_objectives(list(study.objectives))
    reference = None if study.reference is None else [float(r) for r in study.reference]
    if reference is not None and len(reference) != len(objectives):
        raise UserError("study.reference needs one number per objective")
    spec = Spec(
        name=name,
        question=study.question or "",
        objectives=objectives,
        space=dict(lines),
        space_digest=space.digest,
        base=base(config, space),
        sampler=study.sampler,
        seed=study.seed,
        trials=study.budget.trials,
        workers=_workers(study),
        folder=str(Path(config.hydra.sweep.dir).absolute()),
        tracking=_container(config.tracking),
        reference=reference,
        constraints=[str(c) for c in study.constraints],
        seconds=study.budget.seconds,
        trial_seconds=study.budget.trial_seconds,
        replicates=study.replicates,
        retries=study.retries,
        fail_fast=study.fail_fast,
        max_failures=study.max_failures,
    )
    if "likelihood" in lines and (over := needing_one_likelihood(objectives)):
        _check_likelihoods(spec, over[0], values(space.distributions["likelihood"]))
    return spec


def _workers(study: DictConfig) -> int:
    """How many workers are launched here; who only looks at a study may have no GPU."""
    if study.workers_per_gpu is None:
        return int(study.workers)
    _check_whole("study.workers_per_gpu", study.workers_per_gpu, 1)
    return int(study.workers_per_gpu) * len(visible()) or int(study.workers)


def _check_whole(key: str, value: Any, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise UserError(f"{key} must be a whole number of at least {least}, not {value}")


def _check_positive(key: str, value: Any) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if value is not None and not (number and 0 < value < float("inf")):
        raise UserError(f"{key} must be a number of seconds above 0, or null, not {value}")


def _check_max_failures(value: Any) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if value is not None and not (number and (0 <= value < 1 or value == int(value) >= 1)):
        raise UserError(
            f"study.max_failures must be a number of trials, a part of them below 1, or null, not "
            f"{value}"
        )


def _check_likelihoods(spec: Spec, objective: str, likelihoods: Sequence[Any]) -> None:
    """Refuse to compare `objective` across likelihoods that have it in different units."""
    if not spec.one_scale:
        raise UserError(
            f"likelihood is searched, and {objective} of a density cannot be compared with that of "
            "a mass or of another density: use study.objectives=[val/rate,val/mse], or "
            "data.dequantize=true, which makes all of them bounds on the log mass of the discrete "
            "images"
        )
    if "bernoulli" in likelihoods:
        raise UserError(
            f"likelihood=bernoulli has no place in a comparison by {objective}: of dequantised "
            "images it is cross-entropy, which bounds no log mass; search likelihood=categorical "
            "in its place"
        )


def read_objectives(written: list[str]) -> dict[str, str]:
    """Metric to direction, from a list of `NAME`, `minimize NAME` or `maximize NAME`; a name alone
    goes the way that is better (`betafront.metrics.catalogue`).

    Raises:
        UserError: there are not two or three, or one is written in another way.
    """
    objectives = {}
    for text in written:
        way, _, metric = str(text).rpartition(" ")
        if way not in ("", *DIRECTIONS):
            raise UserError(
                f"study.objectives: '{text}' should be NAME, minimize NAME or maximize NAME"
            )
        objectives[metric] = way or direction(metric)
    if len(objectives) not in (2, 3):
        raise UserError(f"study.objectives must name two or three metrics, not {len(objectives)}")
    return objectives


def base(config: DictConfig, space: Space) -> dict[str, Any]:
    """What decides a trial's result beside the searched parameters, as dotted keys.

    Left out are the searched keys themselves, everything below a group that is searched, where data
    lies (its digest says what it is), and how often a run checkpoints.
    """
    flat: dict[str, Any] = {}
    for part in PARTS:
        _flatten(_container(config[part]), part, flat)
    searched = tuple(key.lstrip("+") for key in space.distributions)
    elsewhere = (
        "data.root",
        "data.download",
        "data.path",
        "data.labels",
        "trainer.checkpoint_seconds",
    )
    return {
        key: value
        for key, value in flat.items()
        if key not in elsewhere and not any(_below(key, s) for s in searched)
    }


def _below(key: str, parent: str) -> bool:
    parent = parent.rpartition("@")[2].replace(
        "/", "."
    )  # schedule@controller.schedule is the latter
    return key == parent or key.startswith(f"{parent}.")


FURTHER = "metrics.further."  # a metric is there also where it has no settings


def _flatten(node: Any, prefix: str, into: dict[str, Any]) -> None:
    if isinstance(node, dict) and not (prefix.startswith(FURTHER) and not node):
        for key, value in node.items():
            _flatten(value, f"{prefix}.{key}", into)
    else:
        into[prefix] = node


def _container(node: DictConfig) -> Any:
    return OmegaConf.to_container(node, resolve=True)


def _difference(old: Mapping[str, Any], new: Mapping[str, Any], most: int = 2) -> str:
    def show(side: Mapping[str, Any], key: str) -> str:
        return str(side[key]) if key in side else "nothing"

    keys: Sequence[str] = [k for k in {**old, **new} if old.get(k, ...) != new.get(k, ...)]
    named = [f"{k}: {show(old, k)}, now {show(new, k)}" for k in keys[:most]]
    more = f" and {len(keys) - most} more" if len(keys) > most else ""
    return "; ".join(named) + more
