"""The blocks of code in the pages of the site: each runs, or a comment says why not."""

import importlib
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from tests.support.markdown import MARKER, PAGES, Block, blocks
from tests.support.picture_folders import folder_of, noise
from tests.support.shared import Said

from betafront.shipped import conf_dir

RUN = ("python", "yaml")
OTHERS = ("sh", "text")  # commands (tests/test_docs.py); what is printed, and formulas
DIRECTIVE = "{"
SETTING = re.compile(r"\b([a-z_]+)=([a-z_]+)\b")  # a group and a choice, or a field
OF_MODULE = re.compile(r"\A# ([\w/]+\.py)\b")
OF_CHOICE = re.compile(r"^# conf/(\w+)/(\w+)\.yaml\b", re.MULTILINE)
LISTS = ("callbacks", "loggers", "penalty")  # groups of which any number may be chosen
TRIALS = re.compile(r"\btrials=\d+")
FEW = "trials=2"
SHORTER = {  # shipped files, and what stands in those that are found in their place
    "betafront.yaml": {"launcher: processes": "launcher: basic", "- tracking: mlflow":
                       "- tracking: 'off'", "trials: 20": "trials: 2"},
    "trainer/default.yaml": {"steps: 1000": "steps: 12"},
    "model/mlp.yaml": {"hidden: [256, 128]": "hidden: [16]"},
    "data/digits.yaml": {"limit: null": "limit: 200"},
}  # fmt: skip
WEIGHTING = """
study: {name: "weighting-${data.name}", space: {objective.weight: "tag(log,interval(0.1,5))"}}
"""
MODELS = """
import math
from torch import nn
from betafront.models import VAE

class Encoder(nn.Sequential):
    def __init__(self, latents=4):
        super().__init__(nn.Flatten(), nn.LazyLinear(2 * latents))

class Decoder(nn.Sequential):
    def __init__(self, latents=4):
        super().__init__(nn.Linear(latents, 64), nn.Unflatten(1, (1, 8, 8)))

def my_vae(shape, likelihood, latents=4):
    return VAE(Encoder(latents), Decoder(latents), likelihood, latents)
"""


@pytest.fixture
def folder(own_place: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where a page's blocks run: with the data that they read, models of the reader's own, and
    settings under which runs are short."""
    monkeypatch.syspath_prepend(own_place)
    known = set(sys.modules)
    draw = np.random.default_rng(0)
    folder_of(own_place / "pics", 20, lambda i: noise((32, 32), i))
    np.save(own_place / "counts.npy", draw.poisson(2.0, (30, 8)))
    for name in ("my_module.py", "mymodule.py"):
        (own_place / name).write_text(MODELS)
    for file, changes in SHORTER.items():
        text = (conf_dir() / file).read_text()
        for shipped, shorter in changes.items():
            assert shipped in text, file
            text = text.replace(shipped, shorter)
        made(own_place / "conf" / file).write_text(text)
    made(own_place / "studies/weighting/study.yaml").write_text(f"# @package _global_{WEIGHTING}")
    yield own_place
    for name in set(sys.modules) - known:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(own_place)):
            del sys.modules[name]


@pytest.mark.parametrize("page", PAGES)
def test_every_block_runs_or_says_why_not(page: str) -> None:
    found = blocks(page)
    for block in found:
        if not block.language.startswith(DIRECTIVE):
            assert block.language in RUN + OTHERS, f"{page}:{block.line}: of which language?"
        assert block.why_not is None or block.why_not, f"{page}:{block.line}: why is it not run?"
    marked = [block for block in found if block.why_not is not None]
    marks = [line for line in PAGES[page].splitlines() if line.lstrip().startswith(MARKER)]
    assert len(marks) == len(marked), f"{page}: a mark stands before no block"


def test_the_choices_that_the_guide_leads_to_are_there() -> None:
    written = "".join(re.findall(r"`[^`\n]+`", PAGES["docs/weighting.md"]))
    found = {(group, name) for group, name in SETTING.findall(written)}
    settings = [(group, name) for group, name in found if (conf_dir() / group).is_dir()]
    assert len(settings) > 10
    for group, name in settings:
        assert (conf_dir() / group / f"{name}.yaml").is_file(), f"{group}={name}"


@pytest.mark.parametrize("page", [p for p in PAGES if any(b.language in RUN for b in blocks(p))])
def test_the_blocks_of_a_page_run(
    page: str,
    folder: Path,
    betafront: Callable[..., Said],
    swept: Callable[..., Said],
    fast: tuple[str, ...],
) -> None:
    """In order, in one namespace; a block that begins with the name of a file is that file."""
    names = {"images": np.random.default_rng(0).random((100, 8, 8), np.float32)}
    found = [b for b in blocks(page) if b.language in RUN and b.why_not is None]
    if any("weighting-digits" in block.text for block in found):
        swept("study.name=weighting-digits", "objective.weight=1,2", "study.budget.trials=2", *fast)
    for block in found:
        write(block, folder)
    for block in found:
        if block.language == "python":
            run(block, page, names)
        else:
            check(block, betafront)


def write(block: Block, folder: Path) -> None:
    """Write the file that a block is; a later block of the same file goes on with it."""
    module, choice = OF_MODULE.match(block.text), OF_CHOICE.search(block.text)
    if block.language == "python" and module:
        with made(folder / module[1]).open("a") as file:
            file.write(block.text)
    elif block.language == "yaml" and choice:
        made(folder / "conf" / choice[1] / f"{choice[2]}.yaml").write_text(block.text)


def made(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def run(block: Block, page: str, names: dict[str, Any]) -> None:
    """Import the module that a block is, or execute the block with fewer trials."""
    if module := OF_MODULE.match(block.text):
        importlib.import_module(module[1].removesuffix(".py").replace("/", "."))
        return
    code = "\n" * block.line + TRIALS.sub(FEW, block.text)  # so that errors name the line
    exec(compile(code, page, "exec"), names)


def check(block: Block, betafront: Callable[..., Said]) -> None:
    """Read a block, and train with the choice that it is."""
    assert yaml.safe_load(block.text)
    if choice := OF_CHOICE.search(block.text):
        group, name = choice.groups()
        said = betafront("train", f"{group}={[name] if group in LISTS else name}")
        assert said.code == 0, said.err
