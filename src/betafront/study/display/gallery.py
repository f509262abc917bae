"""The pictures or texts, traces and spectra of runs, small enough for one page."""

import io
import json
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import pandas as pd

from betafront.front import nondominated
from betafront.front.curves import trials_of
from betafront.front.show.report import LatentsShown, Shown, Truth
from betafront.front.table import thinned
from betafront.training.folder import RunFolder
from betafront.training.latents.became import what_became
from betafront.training.latents.history import LatentHistory
from betafront.training.result import by_layer

ALONG = 8  # trials along the front whose pictures, traces and spectra are shown
POINTS = 120  # of a trace
LATENTS = 256  # of a spectrum
ROWS = 64  # latents over training, of all layers together
WIDTHS, SMALL = (380, 272, 180), 272  # pixels
QUALITY = 70
LEAST = 1500  # characters that a small picture takes at least, as a bound on how many fit
ROOM = 500_000  # characters that all pictures may take: the page is to stay below 6 MB
DAMAGED = (OSError, ValueError, LookupError, TypeError, EOFError, BadZipFile)
KINDS = ("reconstructions", "traversals", "samples")
OF_TEXT = {"reconstructions": 4, "interpolations": 1, "samples": 4}  # and how many are shown
WIDEST = 100  # characters of a line of text


def along(members: pd.DataFrame, folder: Path, room: int) -> list[Shown]:
    """Trials from one end of a front to the other, with their pictures, traces and spectra.

    Args:
        members: of the front, in order; of the points of a curve one is shown.
        folder: of the study.
        room: characters that the pictures may take: they are smaller where large ones need more.
    """
    rows = thinned(trials_of(members), ALONG)
    found: list[Shown] = []
    for width in WIDTHS:
        found = [shown(int(r["trial"]), folder / r["folder"], width) for r in rows]
        if taken(found) <= room:
            break
    return found


def taken(found: Sequence[Shown]) -> int:
    """How many characters the pictures and the texts of some trials take."""
    return sum(len(each) for one in found for each in (*one.pictures.values(), *one.texts.values()))


def thumbnails(
    table: pd.DataFrame, objectives: dict[str, str], folder: Path, room: int
) -> dict[int, str]:
    """Small pictures of images above their reconstructions, or the text of a sentence with its
    reconstructions, by the numbers of the trials: of as many trials as there is room for, those on
    the front first.

    Args:
        table: of the study.
        objectives: metric to direction.
        folder: of the study.
        room: characters that the pictures may take.
    """
    members = table["trial"][nondominated(table, objectives)]
    table = trials_of(table)
    on_front = table["trial"].isin(members)
    found: dict[int, str] = {}
    room = max(0, room)
    for part in (table[on_front], table[~on_front]):
        for row in thinned(part, room // LEAST + 1):
            run = folder / row["folder"]
            picture = embedded(_picture(run, "reconstructions"), SMALL, left=True)
            picture = picture or excerpt(_text(run, "reconstructions"), 1)
            room -= len(picture)
            if room < 0:
                return found
            if picture:
                found[int(row["trial"])] = picture
    return found


def shown(trial: int, folder: Path, width: int) -> Shown:
    """The pictures or texts, and the curves, of a run, without files that are gone or damaged.

    Args:
        trial: its number.
        folder: of the run.
        width: of the pictures, in pixels.
    """
    pictures = {
        kind: embedded(_picture(folder, kind), width, left=kind != "traversals") for kind in KINDS
    }
    texts = {kind: excerpt(_text(folder, kind), n) for kind, n in OF_TEXT.items()}
    kl, widths = spectrum(folder)
    return Shown(
        trial=trial,
        pictures={kind: picture for kind, picture in pictures.items() if picture},
        trace=trace(folder),
        spectrum=kl,
        widths=widths,
        latents=latents(folder),
        texts={kind: text for kind, text in texts.items() if text},
    )


def _picture(folder: Path, kind: str) -> Path:
    return RunFolder(folder).pictures / f"{kind}.png"


def _text(folder: Path, kind: str) -> Path:
    return RunFolder(folder).pictures / f"{kind}.txt"


def excerpt(path: Path, blocks: int) -> str:
    """The first blocks of a text, lines that belong together, without the line that says what is
    shown; long lines are cut. Empty where it cannot be read."""
    try:
        _, *found = path.read_text(encoding="utf-8").rstrip().split("\n\n")
    except DAMAGED:
        return ""
    lines = "\n\n".join(found[:blocks]).split("\n")
    return "\n".join(line if len(line) <= WIDEST else f"{line[:WIDEST]} …" for line in lines)


def embedded(path: Path, width: int, left: bool) -> str:
    """A picture as a `data:` address, no wider than `width` pixels; empty where it cannot be read.

    Args:
        path: of the file.
        width: in pixels.
        left: whether to show the left half alone, with images that are twice as large.
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
    """The weight and the rate at steps that are evenly spread over a run; empty where the trace
    cannot be read."""
    try:
        with np.load(RunFolder(folder).trace) as kept:
            at = np.unique(np.linspace(0, len(kept["step"]) - 1, POINTS).astype(int))
            return {key: kept[key][at].astype(float).tolist() for key in ("step", "beta", "rate")}
    except DAMAGED:
        return {}


def spectrum(folder: Path) -> tuple[list[float], list[int]]:
    """The KL of each latent of a run, or of each channel of a spatial code, in nats, the highest
    first and no more than `LATENTS`, of a hierarchy layer by layer; and the widths of its layers,
    where there are several. Both are empty where the result cannot be read."""
    try:
        kept = json.loads(RunFolder(folder).result.read_text())
        kl: list[float] = kept["spectrum"]
        channels, *positions = kept.get("latent_shape") or [len(kl)]
        if positions:
            kl = np.asarray(kl).reshape(channels, -1).sum(1).tolist()
        widths: list[int] = kept.get("widths") or []
        layers = widths if len(widths) > 1 else []
        return by_layer(kl, layers)[:LATENTS], layers
    except DAMAGED:
        return [], []


def latents(folder: Path) -> LatentsShown | None:
    """The latents of a run over its training, of each layer those of the highest KL at the end;
    None where they were not recorded, or cannot be read."""
    try:
        found = LatentHistory.load(folder)
        names = found.units.names
        room = max(1, ROWS // len(found.widths))
        rows = [unit for i in range(len(found.widths)) for unit in found.order_of(i)[:room]]
        counted = zip(found.active.T.tolist(), found.widths.tolist(), strict=True)
        return LatentsShown(
            step=found.step.tolist(),
            names=[names[unit] for unit in rows],
            kl=found.kl[:, rows].T.tolist(),
            active={f"layer {i}, of {n}": each for i, (each, n) in enumerate(counted, 1)},
            said=what_became(found),
        )
    except DAMAGED:
        return None


def truth(folder: Path) -> Truth | None:
    """What is known of the probabilities of a run's data; None where nothing is, or its result
    cannot be read."""
    try:
        data = json.loads(RunFolder(folder).result.read_text())["data"]
        return Truth(float(data["entropy"]), float(data["true_nll"]["val"]))
    except DAMAGED:
        return None
