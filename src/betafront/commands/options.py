"""Options and arguments that several commands have."""

from typing import Annotated

import typer

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
