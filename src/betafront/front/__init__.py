"""Pareto fronts: indicators, the knee, the decision, tables, pictures and pages."""

from betafront.front.decision.capacity import capacity
from betafront.front.decision.decision import USUAL, Advice, Asked, decide, trade
from betafront.terminal import Doing
from betafront.front.decision.cautions import cautions, decision, refusal
from betafront.front.front import front, hypervolume, knee, nondominated
from betafront.front.history import hypervolumes
from betafront.front.one_curve import OneCurve, one_curve
from betafront.front.show.picture import draw_front
from betafront.front.slope import off_their_lines
from betafront.front.table import Facts, Reach, trials_table
from betafront.front.show.terminal import console, print_next, print_study

__all__ = [
    "USUAL",
    "Advice",
    "Asked",
    "Doing",
    "Facts",
    "OneCurve",
    "Reach",
    "capacity",
    "cautions",
    "console",
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
    "print_next",
    "print_study",
    "refusal",
    "trade",
    "trials_table",
]
