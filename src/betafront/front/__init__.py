"""Pareto fronts: indicators, the knee, the decision, tables, pictures and pages."""

from betafront.front.decision import Advice, decide, trade
from betafront.front.doing import Doing
from betafront.front.front import front, hypervolume, knee, nondominated
from betafront.front.history import hypervolumes
from betafront.front.one_curve import OneCurve, one_curve
from betafront.front.page import write_page
from betafront.front.picture import draw_front
from betafront.front.table import Facts, trials_table
from betafront.front.terminal import console, print_next, print_study

__all__ = [
    "Advice",
    "Doing",
    "Facts",
    "OneCurve",
    "console",
    "decide",
    "draw_front",
    "front",
    "hypervolume",
    "hypervolumes",
    "knee",
    "nondominated",
    "one_curve",
    "print_next",
    "print_study",
    "trade",
    "trials_table",
    "write_page",
]
