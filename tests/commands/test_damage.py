"""A damaged file of a run: every command that reads it says so in a line, with a way out, or does
without it."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from tests.support.shared import Said

import betafront as product
from betafront.errors import UserError
from betafront.study.worker.earlier_attempts import result_of
from betafront.training.folder import RunFolder
from betafront.training.history import read_history
from betafront.training.lightning.checkpoint import read

Command = Callable[..., Said]
RUN = ("trainer.steps=12", "model.hidden=[8]", "data.limit=200")
SWEEP = (
    "study.name=s", "objective.weight=0.5,2", "study.sampler=grid", "study.budget.trials=2",
    "hydra/launcher=basic", "tracking=off", *RUN,
)  # fmt: skip
WORDS = {
    "export": ("export", "s", "--at", "trial=0"),
    "evaluate": ("evaluate", "s", "+metrics.further={iwae: {draws: [1]}}", "--trial", "0"),
    "again": ("train", "--trial", "0", "--study", "s"),
    "report": ("report", "s"),
    "sync": ("sync", "s"),
}
HOW: dict[str, Callable[[bytes], bytes]] = {
    "cut short": lambda whole: whole[: len(whole) // 2],
    "emptied": lambda _: b"",
    "overwritten": lambda whole: bytes(range(256)) * (len(whole) // 256 + 1),
}
# By each file of a run, the commands that cannot do without it.
NEEDED_BY = {
    "config.yaml": ("export", "evaluate", "again"),
    "result.json": ("export", "evaluate"),
    "model.safetensors": ("export", "evaluate"),
}
# What the commands that show a study do without.
ALL = ("config.yaml", "result.json", "history.json", "trace.npz", "latent_map.npz", "last.ckpt")


@pytest.fixture
def study(swept: Callable[..., Said], own_place: Path) -> Path:
    """The folder of the first run of a study."""
    said = swept(*SWEEP)
    assert said.code == 0, said.err
    return own_place / "runs/s/trial-0000"


@pytest.mark.parametrize("how", sorted(HOW))
@pytest.mark.parametrize("file", sorted(NEEDED_BY))
def test_a_damaged_file_is_named_with_a_way_out(
    betafront: Command, study: Path, file: str, how: str
) -> None:
    path = study / file
    path.write_bytes(HOW[how](path.read_bytes()))
    for command in NEEDED_BY[file]:
        said = betafront(*WORDS[command])
        assert said.code == 2, (command, said)
        assert len(said.err.strip().splitlines()) == 1, (command, said.err)
        assert f"s/trial-0000/{file} " in said.err
        assert "put back a copy" in said.err


@pytest.mark.parametrize("how", sorted(HOW))
def test_what_shows_a_study_does_without_damaged_files(
    betafront: Command, study: Path, how: str
) -> None:
    for path in (*(study / name for name in ALL), *(study / "pictures").iterdir()):
        path.write_bytes(HOW[how](path.read_bytes()))
    assert read_history(study) == []
    for command in ("report", "sync"):
        said = betafront(*WORDS[command])
        assert said.code == 0, (command, said.err)
        assert "Traceback" not in said.out + said.err


def test_a_damaged_export_is_named(betafront: Command, study: Path) -> None:
    assert betafront(*WORDS["export"]).code == 0
    exported = study.parent / "export/trial-0"
    for file in ("about.json", "config.yaml", "model.safetensors"):
        whole = (exported / file).read_bytes()
        for damage in HOW.values():
            (exported / file).write_bytes(damage(whole))
            with pytest.raises(UserError, match=rf"{file} .*: (export the model|put back a copy)"):
                product.load(exported)
        (exported / file).write_bytes(whole)
    assert product.load(exported).sample(1).shape == (1, 1, 8, 8)


def test_a_run_with_a_damaged_checkpoint_begins_anew(study: Path) -> None:
    checkpoint = study / "last.ckpt"
    assert (read(checkpoint) or {})["step"] == 12
    whole = checkpoint.read_bytes()
    for damage in HOW.values():
        checkpoint.write_bytes(damage(whole))
        assert read(checkpoint) is None
    torch.save({"state_dict": {"w": torch.zeros(3)}}, checkpoint)  # of another program
    assert read(checkpoint) is None


def test_the_checkpoint_of_another_run_is_named(
    betafront: Command, study: Path, own_place: Path
) -> None:
    one = own_place / "runs/one"
    one.mkdir()
    (study / "last.ckpt").rename(one / "checkpoint.ckpt")
    said = betafront("train", *RUN, "model.hidden=[6]", f"hydra.run.dir={one}")
    assert said.code == 2
    assert f"{one}/checkpoint.ckpt is the checkpoint of another run (" in said.err
    assert "remove it, and the run begins anew" in said.err
    assert len(said.err.strip().splitlines()) == 1


def test_a_result_that_cannot_be_read_is_trained_again(study: Path) -> None:
    run = RunFolder(study)
    assert result_of(run) is not None
    run.result.write_text('{"metrics": ')
    assert result_of(run) is None
