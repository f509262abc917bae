"""The decision: which β, how certain, and what it costs."""

from betafront.front.decision.advice import Advice, each_once, in_every_row, names, trade, trades
from betafront.front.decision.asked import USUAL, Asked
from betafront.front.decision.capacity import end_of_capacity
from betafront.front.decision.cautions import cautions
from betafront.front.decision.collapse import causes
from betafront.front.decision.decision import decide
from betafront.front.decision.points import points
from betafront.front.decision.record import decision_record, notes
from betafront.front.decision.refusal import refusal

__all__ = [
    "USUAL",
    "Advice",
    "Asked",
    "causes",
    "cautions",
    "decide",
    "decision_record",
    "each_once",
    "end_of_capacity",
    "in_every_row",
    "names",
    "notes",
    "points",
    "refusal",
    "trade",
    "trades",
]
