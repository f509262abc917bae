"""The report: one HTML page that opens without a network."""

from betafront.front.show.report.chapter import Chapter, Failure, LatentsShown, Shown, Truth
from betafront.front.show.report.page import write_page

__all__ = ["Chapter", "Failure", "LatentsShown", "Shown", "Truth", "write_page"]
