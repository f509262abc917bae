"""Options and arguments that several commands have."""

from typing import Annotated

import typer

from betafront.config.trust import trust_also

Overrides = Annotated[
    list[str] | None,
    typer.Argument(help="Choices and settings, as in data=mnist objective.weight=4"),
]
Study = Annotated[str | None, typer.Argument(help="The study; the newest where left out.")]
Studies = Annotated[
    list[str] | None, typer.Argument(help="The studies; the newest where left out.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]
Rate = Annotated[
    float | None,
    typer.Option(help="Name the trial with the least distortion at so many nats of rate."),
]
Within = Annotated[
    float | None,
    typer.Option(
        help="Percent of what rate buys that may be given up for what is maximised; else 10."
    ),
]
Trust = Annotated[  # known to `betafront.config.trust` once it is read
    list[str] | None,
    typer.Option(
        metavar="MODULE",
        callback=lambda names: trust_also(names or ()),
        help="Run this module of yours, or this function of a library, where a run or a study "
        "names it.",
    ),
]
