"""What the guide tells people to write works."""

import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hydra
import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override

from betafront.config.compose import VERSION_BASE
from betafront.shipped import conf_dir

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
GUIDE = DOCS / "sweep.md"


GUIDES = {path.name: path for path in (ROOT / "README.md", *sorted(DOCS.glob("*.md")))}
OF_HYDRA = ("train", "sweep", "forecast")  # which take `key=value`
THEIRS = {"mine", "theirs"}  # choices and studies that the reader writes


def commands(guide: str) -> list[list[str]]:
    """The words of betafront's commands in a guide, without `betafront`."""
    text = GUIDES[guide].read_text()
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    found = [shlex.split(line, comments=True) for line in lines if "betafront " in line]
    return [words[words.index("betafront") + 1 :] for words in found if "betafront" in words]


@pytest.mark.parametrize("guide", [name for name in GUIDES if commands(name)])
def test_the_options_in_a_guide_are_there(betafront: Callable[..., Any], guide: str) -> None:
    for command, *words in commands(guide):
        options = [word for word in words if word.startswith("--")]
        if options:
            within = words[:1] if words[0] in ("audit", "projects") else []
            offered = betafront(command, *within, "--help").out
        for option in options:
            assert option in offered, (command, option)


@pytest.mark.slow
@pytest.mark.parametrize("guide", [n for n in GUIDES if any(c[0] in OF_HYDRA for c in commands(n))])
def test_what_a_guide_trains_and_sweeps_composes(guide: str) -> None:
    parser = OverridesParser.create()
    with hydra.initialize_config_dir(str(conf_dir()), **VERSION_BASE):
        for command, *words in commands(guide):
            given = parser.parse_overrides([w for w in words if "=" in w and w[0] != "-"])
            if command in OF_HYDRA:
                hydra.compose("betafront", [_first(each) for each in given if not _is_theirs(each)])


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
