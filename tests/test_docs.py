"""What the guide tells people to write works."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parents[1] / "docs"
GUIDE = DOCS / "sweep.md"


def test_the_options_in_the_guide_to_the_decision_are_there(betafront: Callable[..., Any]) -> None:
    blocks = re.findall(r"```sh\n(.*?)```", (DOCS / "compare.md").read_text(), re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    assert len(lines) > 5
    for line in lines:
        program, command, *words = line.partition("#")[0].split()
        assert program == "betafront"
        offered = betafront(command, "--help").out
        for option in (word for word in words if word.startswith("--")):
            assert option in offered, line


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
