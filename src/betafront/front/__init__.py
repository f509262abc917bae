"""Pareto fronts: indicators, comparison, the decision, and tables, pictures and pages of them."""

from betafront.front.comparison import Comparison, Group, compare
from betafront.front.decision import (
    USUAL,
    Advice,
    Asked,
    cautions,
    decide,
    decision_record,
    refusal,
)
from betafront.front.front import front, hypervolume, knee, maximised, nondominated
from betafront.front.history import hypervolumes
from betafront.front.one_curve import OneCurve, one_curve
from betafront.front.show import draw_front, print_study
from betafront.front.slope import off_their_lines
from betafront.front.table import Facts, Reach, trials_table

__all__ = [
    "USUAL",
    "Advice",
    "Asked",
    "Comparison",
    "Facts",
    "Group",
    "OneCurve",
    "Reach",
    "cautions",
    "compare",
    "decide",
    "decision_record",
    "draw_front",
    "front",
    "hypervolume",
    "hypervolumes",
    "knee",
    "maximised",
    "nondominated",
    "off_their_lines",
    "one_curve",
    "print_study",
    "refusal",
    "trials_table",
]
