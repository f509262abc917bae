"""What runs left to be looked at, small enough for one page."""

import io
import json
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import pandas as pd

from betafront.front import nondominated
from betafront.front.show.report import Shown
from betafront.front.table import thinned
from betafront.training.folder import RunFolder

ALONG = 8  # trials along the front whose pictures, traces and spectra are shown
POINTS = 120  # of a trace
WIDTHS, SMALL = (380, 272, 180), 272  # pixels
QUALITY = 70
LEAST = 1500  # characters that a small picture takes at least
ROOM = 500_000  # characters that all pictures may take: the page is to stay below 6 MB
DAMAGED = (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile)
KINDS = ("reconstructions", "traversals", "samples")


def along(members: pd.DataFrame, folder: Path, room: int) -> list[Shown]:
    """Trials from one end of a front to the other, with what there is to see of them.

    Args:
        members: of the front, in order.
        folder: of the study.
        room: characters; where there is less than large pictures need, they are smaller.
    """
    rows = thinned(members, ALONG)
    found: list[Shown] = []
    for width in WIDTHS:
        found = [shown(int(r["trial"]), folder / r["folder"], width) for r in rows]
        if taken(found) <= room:
            break
    return found


def taken(found: Sequence[Shown]) -> int:
    """How many characters the pictures take."""
    return sum(len(picture) for one in found for picture in one.pictures.values())


def thumbnails(
    table: pd.DataFrame, objectives: dict[str, str], folder: Path, room: int
) -> dict[int, str]:
    """Small pictures of as many trials as there is room for, those of the front first, by the
    numbers of the trials: images above their reconstructions."""
    first = nondominated(table, objectives)
    found: dict[int, str] = {}
    room = max(0, room)
    for part in (table[first], table[~first]):
        for row in thinned(part, room // LEAST + 1):
            picture = embedded(
                RunFolder(folder / row["folder"]).pictures / f"{KINDS[0]}.png", SMALL, True
            )
            room -= len(picture)
            if room < 0:
                return found
            if picture:
                found[int(row["trial"])] = picture
    return found


def shown(trial: int, folder: Path, width: int) -> Shown:
    """What is left of a run, in pictures of that width; what is gone or damaged is left out."""
    files = {kind: RunFolder(folder).pictures / f"{kind}.png" for kind in KINDS}
    pictures = {kind: embedded(path, width, kind != "traversals") for kind, path in files.items()}
    return Shown(trial, {k: p for k, p in pictures.items() if p}, trace(folder), spectrum(folder))


def embedded(path: Path, width: int, left: bool) -> str:
    """A picture as a `data:` address, no wider than `width` pixels; empty where there is none.

    Args:
        path: of the file.
        width: in pixels.
        left: only the left half, whose images are then twice as large.
    """
    from PIL import Image

    try:
        with Image.open(path) as picture:
            shown = picture.convert("RGB")
    except DAMAGED:
        return ""
    if left:
        shown = shown.crop((0, 0, shown.width // 2, shown.height))
    if shown.width > width:
        shown = shown.resize((width, max(1, round(shown.height * width / shown.width))))
    out = io.BytesIO()
    shown.save(out, "WEBP", quality=QUALITY)
    return f"data:image/webp;base64,{b64encode(out.getvalue()).decode()}"


def trace(folder: Path) -> dict[str, list[float]]:
    """The weight and the rate over the steps of a run, of evenly spread steps."""
    try:
        with np.load(RunFolder(folder).trace) as kept:
            at = np.unique(np.linspace(0, len(kept["step"]) - 1, POINTS).astype(int))
            return {key: kept[key][at].astype(float).tolist() for key in ("step", "beta", "rate")}
    except DAMAGED:
        return {}


def spectrum(folder: Path) -> list[float]:
    """The KL of each latent of a run in nats, the highest first."""
    try:
        return sorted(json.loads(RunFolder(folder).result.read_text())["spectrum"], reverse=True)
    except DAMAGED:
        return []
