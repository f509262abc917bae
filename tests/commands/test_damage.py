"""A damaged file of a runs folder: every command that reads it says so in a line, with a way out,
or does without it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.shared import Said

Command = Callable[..., Said]
SWEEP = (
    "study.name=s", "objective.weight=0.5,2", "study.sampler=grid", "study.budget.trials=2",
    "trainer.steps=12", "model.hidden=[8]", "data.limit=200", "hydra/launcher=basic",
)  # fmt: skip
WORDS = {
    "status": ("status", "s"),
    "report": ("report", "s"),
    "compare": ("compare", "s"),
    "export": ("export", "s", "--at", "trial=0"),
    "evaluate": ("evaluate", "s", "metrics=latent", "metrics.further.iwae.draws=[1]"),
    "again": ("train", "--trial", "0", "--study", "s"),
    "sync": ("sync", "s"),
    "sweep": ("sweep", *SWEEP),
    "worker": ("worker", "s"),
    "confirm": ("confirm", "s", "--dry-run"),
}
HOW: dict[str, Callable[[bytes], bytes]] = {
    "cut short": lambda whole: whole[: len(whole) // 2],
    "emptied": lambda _: b"",
    "overwritten": lambda whole: bytes(range(256)) * (len(whole) // 256 + 1),
}
# By each file: the commands that read it, and those of them that cannot do without it.
READ_BY = {
    "runs/s/trial-0000/config.yaml": (("export", "evaluate", "again", "sync"), 3),
    "runs/s/trial-0000/result.json": (("export", "evaluate", "report", "sync"), 2),
    "runs/s/trial-0000/model.safetensors": (("export", "evaluate"), 2),
    "runs/s/trial-0000/history.json": (("sync", "export"), 0),
    "runs/s/trial-0000/trace.npz": (("report",), 0),
    "runs/s/trial-0000/latent_map.npz": (("report",), 0),
    "runs/s/trial-0000/pictures/reconstructions.png": (("report",), 0),
    "runs/s/trial-0000/last.ckpt": (("export",), 0),
    "runs/s/report/front.html": (("report",), 0),
}
"""The number counts the commands that cannot, which are named first."""


@pytest.fixture
def study(swept: Callable[..., Said], own_place: Path) -> Path:
    said = swept(*SWEEP)
    assert said.code == 0, said.err
    return own_place


def is_a_line(said: Said) -> bool:
    return said.code == 2 and len(said.err.strip().splitlines()) == 1


@pytest.mark.parametrize("how", sorted(HOW))
@pytest.mark.parametrize("file", sorted(READ_BY))
def test_a_damaged_file_is_named_or_done_without(
    betafront: Command, study: Path, file: str, how: str
) -> None:
    path = study / file
    path.write_bytes(HOW[how](path.read_bytes()))
    commands, unable = READ_BY[file]
    (study / "runs/mlflow.db").unlink()  # for `sync` to write what it reads
    for i, command in enumerate(commands):
        said = betafront(*WORDS[command])
        assert "unexpected" not in said.err, (command, said.err)
        assert "Traceback" not in said.out + said.err
        if i < unable:
            assert is_a_line(said), (command, said)
            assert f"{file.removeprefix('runs/')} " in said.err, (command, said.err)
        else:
            assert said.code == 0, (command, said.err)
