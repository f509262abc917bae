"""What the guide tells people to write works."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

GUIDE = Path(__file__).parents[1] / "docs" / "sweep.md"


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
