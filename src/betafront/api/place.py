"""Which model of a study is meant: a trial's, or of a family the member at some β."""

import math
import re
from dataclasses import dataclass

import numpy as np
import pandas as pd

from betafront.errors import UserError
from betafront.front.curves import curves, of_curves
from betafront.front.decision import points
from betafront.front.table import DISTORTION, RATE
from betafront.study.results.read import Results

TRIAL = re.compile(r"trial=(?P<trial>[^,]*)(,\s*beta=(?P<beta>.*))?")
SAME = 1e-5  # relative, of two β: the page of a study has six digits


@dataclass(frozen=True)
class Place:
    """Where a model of a study is.

    Attributes:
        trial: the number of its trial.
        beta: of a family, that of its member; None for the β of the run itself.
    """

    trial: int
    beta: float | None = None

    @property
    def text(self) -> str:
        """`trial-3`, or of a member at another β than that of the run `trial-3-beta-0.7`."""
        return f"trial-{self.trial}" + ("" if self.beta is None else f"-beta-{self.beta:.6g}")


def place_at(found: Results, at: str | int) -> Place:
    """Where a model is.

    Args:
        found: the study.
        at: a number, `trial=N`, `knee`, `elbo`, or the name of what is maximised; of a family
            `beta=B` or, where the study has several, `trial=N,beta=B`.

    Raises:
        UserError: there is no such trial, or no such point.
    """
    name, rows = found.spec.name, found.table
    if rows.empty:
        raise UserError(f"no trial of {name} has finished: there is nothing to export")
    if isinstance(at, int):
        return _of_trial(name, rows, str(at), None)
    if (asked := TRIAL.fullmatch(at)) is not None:
        return _of_trial(name, rows, asked["trial"], asked["beta"])
    if at.startswith("beta="):
        return _of_beta(name, rows, _number(at.removeprefix("beta=")))
    every = points(rows, found.facts, found.runs)
    named = {short_name(a.name): Place(a.trial, a.beta if a.of_curve else None) for a in every}
    if at not in named:
        there = ", ".join([*named, "trial=N", *(["beta=B"] if of_curves(rows).any() else [])])
        raise UserError(f"{name} has no point '{at}' to export: there is {there}")
    return named[at]


def is_a_point(at: str | int) -> bool:
    """Whether it names a point of the front, and no trial by its number or β."""
    return not isinstance(at, int) and not at.startswith(("trial=", "beta="))


def short_name(name: str) -> str:
    """`elbo` of `best ELBO`."""
    return name.removeprefix("best ").lower().replace(" ", "-")


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise UserError(f"β is a number above 0, not '{text}'")
    return number


def _of_trial(name: str, rows: pd.DataFrame, number: str, beta: str | None) -> Place:
    mine = rows[rows["trial"] == (int(number) if number.isdecimal() else -1)]
    if mine.empty:
        raise UserError(f"{name} has no finished trial {number}")
    if beta is None:
        return Place(int(number))
    if not of_curves(mine).any():
        own = mine["beta"].iloc[0]
        raise UserError(
            f"trial {number} of {name} is no family: it has one β, {own:.4g}. --at trial={number} "
            "exports it"
        )
    return Place(int(number), _on_the_grid(mine, _number(beta)))


def _of_beta(name: str, rows: pd.DataFrame, beta: float) -> Place:
    """The family in whose range β is; of several that with the least D + βR, between its points."""
    families = [points for _, points in curves(rows)]
    if not families:
        with_beta = rows[rows["beta"] > 0]
        nearest = with_beta.loc[(np.log(with_beta["beta"] / beta)).abs().idxmin()]
        number = int(nearest["trial"])
        raise UserError(
            f"no model of {name} is conditioned on β. The nearest to β = {beta:.4g} is trial "
            f"{number}, β = {nearest['beta']:.4g}: --at trial={number}"
        )
    within = [f for f in families if _has(f, beta)]
    if not within:
        ends = [(float(f["beta"].min()), float(f["beta"].max())) for f in families]
        ranges = " and ".join(dict.fromkeys(f"{low:g} to {high:g}" for low, high in ends))
        raise UserError(
            f"β = {beta:.4g} is outside the range for which {name} has a model: β is {ranges}"
        )
    best = min(within, key=lambda family: _objective(family, beta))
    return Place(int(best["trial"].iloc[0]), _on_the_grid(best, beta))


def _has(family: pd.DataFrame, beta: float) -> bool:
    low, high = float(family["beta"].min()), float(family["beta"].max())
    return low * (1 - SAME) <= beta <= high * (1 + SAME)


def _objective(family: pd.DataFrame, beta: float) -> float:
    """D + βR, each of them interpolated over ln β."""
    x = np.log(family["beta"].to_numpy(float))
    d, r = (np.interp(math.log(beta), x, family[key].to_numpy(float)) for key in (DISTORTION, RATE))
    return float(d + beta * r)


def _on_the_grid(family: pd.DataFrame, beta: float) -> float:
    """β, or that of the point which it means."""
    near = family["beta"][np.isclose(family["beta"].to_numpy(float), beta, rtol=SAME, atol=0.0)]
    return float(near.iloc[0]) if len(near) else beta
