"""Pareto fronts: indicators, the knee, the decision, tables, pictures and pages."""

from betafront.front.decision.capacity import capacity
from betafront.front.decision.cautions import cautions, decision, refusal
from betafront.front.decision.decision import USUAL, Advice, Asked, decide, trade
from betafront.front.front import front, hypervolume, knee, nondominated
from betafront.front.history import hypervolumes
from betafront.front.one_curve import OneCurve, one_curve
from betafront.front.show.picture import draw_front
from betafront.front.show.terminal import print_study
from betafront.front.slope import off_their_lines
from betafront.front.table import Facts, Reach, trials_table

__all__ = [
    "USUAL",
    "Advice",
    "Asked",
    "Facts",
    "OneCurve",
    "Reach",
    "capacity",
    "cautions",
    "decide",
    "decision",
    "draw_front",
    "front",
    "hypervolume",
    "hypervolumes",
    "knee",
    "nondominated",
    "off_their_lines",
    "one_curve",
    "print_study",
    "refusal",
    "trade",
    "trials_table",
]
