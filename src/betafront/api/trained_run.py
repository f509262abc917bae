"""A run that a program has trained."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from betafront import html
from betafront.api.member import member
from betafront.api.watched import how_it_stands, weights_of, where_on_the_scale
from betafront.config.saved import saved_model
from betafront.errors import UserError
from betafront.front.table import label
from betafront.models import Family, Model
from betafront.trained import Trained
from betafront.training import EVALUATED, OnTheScale, Result, Run, RunFolder
from betafront.training.latents.became import said_of
from betafront.training.standing import Standing


@dataclass(frozen=True)
class TrainedRun:
    """What came of one run.

    Attributes:
        result: all that is known of it.
        made: its parts.
    """

    result: Result
    made: Run = field(repr=False)

    @property
    def folder(self) -> Path:
        """Where its files are."""
        return Path(self.result.folder)

    @property
    def metrics(self) -> dict[str, float]:
        """Values by split: `val/rate` and `val/distortion` in nats per example, and so on."""
        return self.result.metrics

    @property
    def scale(self) -> OnTheScale:
        """Where it stands on the one scale: its canonical β, β_norm and σ."""
        return self.result.scale

    @property
    def standing(self) -> Standing | None:
        """Whether it was trained long enough."""
        return self.result.standing

    @property
    def history(self) -> pd.DataFrame:
        """A row per validated epoch."""
        return pd.DataFrame(self.result.history)

    @property
    def pictures(self) -> Path:
        """The folder of its pictures."""
        return RunFolder(self.folder).pictures

    @cached_property
    def model(self) -> Trained:
        """The trained model, to encode, decode, sample and reconstruct."""
        vae = saved_model(self.folder, self.made.vae()).eval()
        return Trained(vae, about(self.result, self.made, vae))

    def at(self, beta: float) -> Trained:
        """Of a run of a family, its member at a canonical β, an ordinary model.

        Raises:
            UserError: β is outside the range of the family, or the run is of no family.
        """
        if not isinstance(self.model.vae, Family):
            raise UserError(
                f"this run has one β, {self.scale.beta:.4g}: `model` is its model, and a model for "
                "every β is trained by model=multirate"
            )
        vae, result = member(self.result, self.made, self.model.vae, beta)
        return Trained(vae, about(result, self.made, vae))

    def __repr__(self) -> str:
        d, r = (self.metrics[f"val/{name}"] for name in ("distortion", "rate"))
        return (
            f"TrainedRun(β = {self.scale.beta:.4g}, D = {d:.2f}, R = {r:.2f} nats, "
            f"in {self.result.folder})"
        )

    def _repr_html_(self) -> str:
        names = [key.removeprefix("val/") for key in self.metrics if key.startswith("val/")]
        rows = [
            [label(f"val/{n}"), *(f"{self.metrics[f'{s}/{n}']:.4g}" for s in EVALUATED)]
            for n in names
        ]
        said = [where_on_the_scale(self.scale)]
        if self.standing is not None:
            said += [weights_of(self.standing), *how_it_stands(self.standing)]
        said += said_of(self.folder)
        return html.paragraphs(*said) + html.table(
            [str(self.result.data["name"]), *EVALUATED], rows
        )


def about(result: Result, made: Run, vae: Model, **of: Any) -> dict[str, Any]:
    """What a trained model says of itself, as `about.json` of an exported one.

    Args:
        result: of its run.
        made: the parts of the run.
        vae: the trained model.
        of: what stands before, such as the study and the trial.
    """
    return {
        **of,
        "seed": result.seed,
        "scale": result.scale.written(),
        "metrics": result.metrics,
        "data": result.data,
        "log_volume": made.data.log_volume,
        "latent_shape": list(vae.latent_shape),
        "preparation": made.data.preparation.as_json(),
    }
