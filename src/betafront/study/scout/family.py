"""The run that is the scout: the study's own model, conditioned on β over the searched range."""

import math
from dataclasses import dataclass

from omegaconf import DictConfig, OmegaConf, open_dict
from optuna.distributions import BaseDistribution

from betafront.config.build import build, check
from betafront.errors import UserError, near_miss
from betafront.scale import NORMALISATIONS, Normalisation
from betafront.study.plan import Plan
from betafront.study.search.automatic import WEIGHT
from betafront.study.search.distributions import every_value, is_choice, values
from betafront.study.search.grammar import name_of
from betafront.study.seeds import scout_seed

MULTIRATE, NONE = "multirate", "none"
TARGET = "betafront.models.multirate"

OF_ONE = ("model", "likelihood", "prior")
"""Parts of a run of which the scout has one."""


@dataclass(frozen=True)
class Searched:
    """How a study searches the weight.

    Attributes:
        key: of the weight in the space, as it was written.
        distribution: that it is drawn from.
        normalisations: in which it is read, in the order of the space.
        pixels, latents: N and M.
    """

    key: str
    distribution: BaseDistribution
    normalisations: tuple[Normalisation, ...]
    pixels: int
    latents: int

    @property
    def betas(self) -> tuple[float, float]:
        """The range of the canonical β."""
        weights = [w for w in values(self.distribution) if _is_number(w) and w > 0]
        every = [n.beta(w, self.pixels, self.latents) for n in self.normalisations for w in weights]
        return min(every, default=0.0), max(every, default=0.0)

    def weight(self, beta: float, normalisation: Normalisation) -> float | None:
        """The weight of a β in a normalisation, the nearest that is searched; None where β is
        outside."""
        wanted = normalisation.weight(beta, self.pixels, self.latents)
        d = self.distribution
        if is_choice(d) or getattr(d, "step", None) is not None:
            some = [w for w in every_value(d) if _is_number(w) and w > 0]
            return min(some, key=lambda w: abs(math.log(w / wanted)), default=None)
        low, high = map(float, values(d))
        if not low * 0.999 <= wanted <= high * 1.001:
            return None
        return min(max(float(f"{wanted:.4g}"), low), high)


def is_asked(plan: Plan) -> bool:
    """Whether a study is to begin with a scout.

    Raises:
        UserError: `study.scout` is another word.
    """
    asked = plan.base.study.get("scout")
    if asked not in (None, NONE, MULTIRATE):
        raise UserError(f"study.scout={asked}: {near_miss(str(asked), [NONE, MULTIRATE])}")
    return bool(asked == MULTIRATE)


def check_scout(plan: Plan) -> None:
    """Refuse a study that asks for a scout that cannot be made.

    Args:
        plan: described, with N and M.

    Raises:
        UserError: saying why, and the way out.
    """
    if not is_asked(plan):
        return
    found = searched(plan)
    if plan.spec.sampler == "grid":
        raise UserError(
            "study.scout=multirate says which points to try first, and study.sampler=grid tries "
            "all: leave one of them out"
        )
    config = scout_config(plan, *found.betas)
    try:
        check(build(config))
    except UserError as error:
        raise UserError(f"study.scout=multirate: {error}") from error


def searched(plan: Plan) -> Searched:
    """How a study searches the weight.

    Raises:
        UserError: it does not, or not in a way that one model could follow.
    """
    space = plan.space
    key = next((key for key in space.distributions if name_of(key) == WEIGHT), None)
    if key is None:
        raise UserError(
            f"study.scout=multirate looks along {WEIGHT}, which is not searched: add "
            f"{WEIGHT}=auto, or leave study.scout at none"
        )
    for other in space.distributions:
        part = name_of(other).partition(".")[0].partition("@")[0]
        if part in OF_ONE:
            raise UserError(
                f"study.scout=multirate is one model, and {name_of(other)} is searched: choose "
                "one, or leave study.scout at none"
            )
    names = dict.fromkeys(
        plan.composer(overrides).normalisation.name
        for overrides in plan.branches
        if any(word.startswith(f"{key}=") for word in overrides)
    )
    made = tuple(NORMALISATIONS[name] for name in names)
    found = Searched(key, space.distributions[key], made, plan.spec.pixels, plan.spec.latents)
    low, high = found.betas
    if not 0 < low < high:
        raise UserError(
            f"study.scout=multirate is trained for a range of weights above 0: search {WEIGHT} over"
            f" one, as in '{WEIGHT}=tag(log,interval(0.01,10))'"
        )
    return found


def scout_config(plan: Plan, low: float, high: float) -> DictConfig:
    """The configuration of the scout: that of the study outside its space, with the model
    conditioned on β.

    Args:
        plan: of the study.
        low, high: the range of the canonical β.

    Raises:
        UserError: the study's model is a family itself.
    """
    config = plan.composer([f"seed={scout_seed(plan.spec.seed)}"])
    if config.model.get("_target_") == TARGET:
        raise UserError(
            "model=multirate is one run for all weights already: leave study.scout at none"
        )
    config = config.copy()
    model = OmegaConf.to_container(config.model, resolve=True)
    normalisation = NORMALISATIONS[config.normalisation.name]
    middle = math.sqrt(low * high)
    with open_dict(config):
        config.model = {
            "_target_": TARGET,
            "_partial_": True,
            "of": model,
            "low": low,
            "high": high,
        }
        config.objective.weight = normalisation.weight(middle, plan.spec.pixels, plan.spec.latents)
        if "further" in config.metrics:  # which say nothing of the curve
            config.metrics.further = {}
    return config


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
