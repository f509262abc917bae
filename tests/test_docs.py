"""What the guide tells people to write works."""

import re
import shlex
from collections.abc import Callable
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import hydra
import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from tests.support.markdown import PAGES, Block, blocks
from typer.main import get_command

from betafront.cli import app
from betafront.config.compose import VERSION_BASE
from betafront.shipped import conf_dir

ROOT = Path(__file__).parents[1]
GUIDE, QUICKSTART, TERMINAL = "docs/sweep.md", "docs/quickstart.md", ROOT / "docs/sweep.svg"
OF_HYDRA = ("train", "sweep", "forecast")  # which take `key=value`
THEIRS = {"mine", "theirs"}  # choices and studies that the reader writes
OF_THE_SHELL = ("cd", "export", ".")
SET = re.compile(r"\A\s*(?:[A-Z_]+=\S+\s+)+")
TARGETS = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)


def lines(block: Block) -> list[list[str]]:
    """The words of each command of a block of shell, without the variables that are set for it."""
    text = block.text.replace("\\\n", " ")
    found = (shlex.split(SET.sub("", line), comments=True) for line in text.splitlines())
    return [words for words in found if words]


def own_words(words: list[str]) -> list[str]:
    """The words after `betafront`, where that is the program, or the service that runs it."""
    if words[:3] == ["docker", "compose", "run"] and "--entrypoint" not in words:
        words = words[words.index("betafront") :] if "betafront" in words else words
    return words[1:] if words[0] == "betafront" else []


def shell(page: str) -> list[Block]:
    return [block for block in blocks(page) if block.language == "sh"]


def commands(page: str) -> list[list[str]]:
    """The words of betafront's commands on a page, without `betafront`."""
    found = (own_words(words) for block in shell(page) for words in lines(block))
    return [words for words in found if words]


WITH_COMMANDS = [page for page in PAGES if commands(page)]


@pytest.mark.parametrize("page", WITH_COMMANDS)
def test_the_commands_of_a_page_and_their_options_are_there(page: str) -> None:
    for words in commands(page):
        command: Any = get_command(app)
        for word in words[:2]:  # `weights` has commands of its own
            command = getattr(command, "commands", {}).get(word, command)
        assert command.name, words
        offered = {option for known in command.params for option in known.opts}
        asked = {word.partition("=")[0] for word in words if word.startswith("--")}
        assert asked <= {*offered, "--help"}, (page, command.name)


@pytest.mark.parametrize("page", [page for page in PAGES if shell(page)])
def test_other_commands_of_a_page_are_there_or_marked_as_not_run(page: str) -> None:
    for block in shell(page):
        others = [words for words in lines(block) if not own_words(words) and not is_there(words)]
        where = f"{page}:{block.line}"
        assert block.why_not or not others, f"{where}: neither tried nor marked: {others}"
        assert others or block.why_not is None, f"{where}: marked, and has nothing that is not run"


def is_there(words: list[str]) -> bool:
    """Whether a command is one of the shell, a target of the Makefile, or a module."""
    if words[0] == "make":
        return {word for word in words[1:] if "=" not in word} <= {*TARGETS}
    if words[:2] == ["python", "-m"]:
        return find_spec(words[2]) is not None
    return words[0] in OF_THE_SHELL


@pytest.mark.slow
@pytest.mark.parametrize("page", [p for p in PAGES if any(c[0] in OF_HYDRA for c in commands(p))])
def test_what_a_page_trains_and_sweeps_composes(page: str) -> None:
    parser = OverridesParser.create()
    with hydra.initialize_config_dir(str(conf_dir()), **VERSION_BASE):
        for command, *words in commands(page):
            given = parser.parse_overrides([w for w in words if "=" in w or w[0] == "~"])
            given = [each for each in given if not each.input_line.startswith("-")]
            if command in OF_HYDRA:
                hydra.compose("betafront", [_first(each) for each in given if not _is_theirs(each)])


def test_the_picture_of_a_terminal_is_of_the_sweep_in_the_quickstart_and_asks_for_nothing() -> None:
    drawn = TERMINAL.read_text().replace("&#160;", " ")
    (command,) = [
        shlex.join(["betafront", *c]) for c in commands(QUICKSTART) if "study.name=first" in c
    ]
    assert command in drawn
    assert set(re.findall(r"https?://[^\"']+", drawn)) == {"http://www.w3.org/2000/svg"}


@pytest.mark.parametrize("page", ["docs/weights.md"])
def test_what_a_page_shows_of_a_command_is_what_it_says(
    page: str, betafront: Callable[..., Any]
) -> None:
    found = blocks(page)
    pairs = [(a, b) for a, b in pairwise(found) if (a.language, b.language) == ("sh", "text")]
    assert pairs
    for asked, shown in pairs:
        (words,) = map(own_words, lines(asked))
        assert betafront(*words).out.split() == shown.text.split()


def _is_theirs(override: Override) -> bool:
    return str(override.value()) in THEIRS and override.key_or_group in ("model", "data", "study")


def _first(override: Override) -> str:
    """An override with the first of its values, where it has several; without one, where they are
    an interval."""
    key = override.get_key_element()
    if not override.is_sweep_override():
        return str(override.input_line)
    if not override.is_discrete_sweep():
        return f"{key}=null"
    return f"{key}={next(iter(override.sweep_string_iterator()))}"


def test_the_study_in_the_guide_is_sound_and_every_setting_it_names_is_there(
    betafront: Callable[..., Any], fast: tuple[str, ...], own_place: Path
) -> None:
    (study,) = [block.text for block in blocks(GUIDE) if block.language == "yaml"]
    (own_place / "studies/annealing").mkdir(parents=True)
    (own_place / "studies/annealing/study.yaml").write_text(study)
    said = betafront("sweep", "--dry-run", "study=annealing", *fast)
    assert said.code == 0, said.err
    assert "annealing-digits" in said.out
    named = sorted({*re.findall(r"`(study\.[\w.]+)`", PAGES[GUIDE])} - {"study.yaml"})
    assert len(named) > 6
    shown = betafront("--multirun", *(f"{key}=null" for key in named), "study=annealing")
    assert "there is no key" not in shown.err
