"""A front shown: in the terminal, as a picture, as a page."""

from betafront.front.show.comparison import draw_comparison, print_comparison
from betafront.front.show.picture import draw_front
from betafront.front.show.report import Chapter, Failure, Shown, write_page
from betafront.front.show.terminal import print_study, short_names

__all__ = [
    "Chapter",
    "Failure",
    "Shown",
    "draw_comparison",
    "draw_front",
    "print_comparison",
    "print_study",
    "short_names",
    "write_page",
]
