"""What the guide tells people to write works."""

import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

DOCS = Path(__file__).parents[1] / "docs"
GUIDE = DOCS / "sweep.md"


def commands(guide: str) -> list[list[str]]:
    """The words of betafront's commands in a guide, without `betafront`."""
    text = (DOCS / guide).read_text()
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    found = [shlex.split(line, comments=True) for line in lines if "betafront " in line]
    return [words[words.index("betafront") + 1 :] for words in found if "betafront" in words]


@pytest.mark.parametrize("guide", ["compare.md", "scaling.md"])
def test_the_options_in_a_guide_are_there(betafront: Callable[..., Any], guide: str) -> None:
    found = commands(guide)
    assert len(found) > 5
    for command, *words in found:
        offered = betafront(command, "--help").out
        for option in (word for word in words if word.startswith("--")):
            assert option in offered, (command, option)


def test_the_sweeps_in_the_guide_to_scaling_compose(betafront: Callable[..., Any]) -> None:
    sweeps = [words for command, *words in commands("scaling.md") if command == "sweep"]
    assert len(sweeps) > 5
    for words in sweeps:
        plain = [word for word in words if not word.startswith("--")]
        said = betafront("--cfg", "hydra", *plain)
        assert said.code == 0, said.err
        assert "launcher:" in said.out


def test_the_study_in_the_guide_is_sound_and_every_setting_it_names_is_there(
    betafront: Callable[..., Any], fast: tuple[str, ...], own_place: Path
) -> None:
    (study,) = re.findall(r"```yaml\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    (own_place / "studies/annealing").mkdir(parents=True)
    (own_place / "studies/annealing/study.yaml").write_text(study)
    said = betafront("sweep", "--dry-run", "study=annealing", *fast)
    assert said.code == 0, said.err
    assert "annealing-digits" in said.out
    named = sorted({*re.findall(r"`(study\.[\w.]+)`", GUIDE.read_text())} - {"study.yaml"})
    assert len(named) > 6
    shown = betafront("--multirun", *(f"{key}=null" for key in named), "study=annealing")
    assert "there is no key" not in shown.err
