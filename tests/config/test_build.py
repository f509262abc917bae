"""Parts of the user's own, beside `conf/`: made, and refused in a line where they cannot be."""

import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from betafront.config.build import build, check
from betafront.config.compose import compose
from betafront.errors import UserError
from betafront.own_modules import find_modules_in

MODULE = "ownparts"  # named so that no installed module is meant
GOOD = """
from betafront.models import mlp

def my_vae(shape, likelihood, latents=3):
    return mlp(shape, likelihood, latents, hidden=[4])
"""


@pytest.fixture(autouse=True)
def imports(own_place: Path) -> Iterator[None]:
    """The folder of the test on the search path, and its modules forgotten afterwards."""
    before = list(sys.path)
    find_modules_in(own_place)
    yield
    sys.path[:] = before
    sys.modules.pop(MODULE, None)


def choose(group: str, text: str, code: str) -> list[str]:
    """The overrides that choose a part of the user's own."""
    file = Path("conf", group, "mine.yaml")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    Path(f"{MODULE}.py").write_text(code)
    return [f"{group}=mine", "data.limit=100"] if group != "data" else ["data=mine"]


def refusal(words: list[str]) -> str:
    with pytest.raises(UserError) as refused:
        check(build(compose(words)))
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_a_model_beside_conf_is_a_choice() -> None:
    words = choose("model", f"_target_: {MODULE}.my_vae\n_partial_: true\nlatents: 3\n", GOOD)
    run = build(compose(words))
    check(run)
    assert run.vae().latents == 3


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("def my_vea(): ...", "ownparts.py) has no 'my_vae': did you mean 'my_vea'?"),
        ("import no_such_library", "ownparts.py, line 1: ModuleNotFoundError: there is no module"),
        ("def my_vae(:", "ownparts.py, line 1: SyntaxError: "),
        ("def my_vae(shape): ...", "model: one of its values is of the wrong type: my_vae() takes"),
        (
            "def my_vae(shape, likelihood):\n    return shape['height']",
            "model: ownparts.py, line 2: TypeError: tuple indices",
        ),
        (
            "import torch\ndef my_vae(shape, likelihood):\n    return torch.nn.Linear(3, 4)",
            "model: what it names has returned an object of type Linear, and no betafront.models",
        ),
        ("def my_vae(shape, likelihood): ...", "model: what it names has returned None, and no"),
        (
            "import sys\ndef my_vae(shape, likelihood):\n    sys.exit(3)",
            "model: ownparts.py, line 3: SystemExit",
        ),
    ],
)
def test_a_model_that_cannot_be_made_says_where(code: str, says: str) -> None:
    words = choose("model", f"_target_: {MODULE}.my_vae\n_partial_: true\n", code)
    assert says in refusal(words)


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("def table(): return [1, 2]", "has made an object of type list, and no betafront.data"),
        ("def table():\n    return {}['x']", "data: ownparts.py, line 2: KeyError: 'x'"),
        ("def table():\n    return open('x.csv')", "data: ownparts.py, line 2: FileNotFoundError"),
        ("import sys\ndef table():\n    sys.exit(3)", "ownparts.py, line 3: SystemExit"),
    ],
)
def test_data_that_cannot_be_made_says_where(code: str, says: str) -> None:
    assert says in refusal(choose("data", f"_target_: {MODULE}.table\n", code))


DRAWN = """
import random
import numpy as np
import torch

class Drawn(torch.utils.data.Dataset):
    def __init__(self):
        self.x = torch.randn(40, 3) + np.random.randn() + random.random()

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        return self.x[i]
"""


def test_a_dataset_that_draws_its_examples_has_the_same_ones_in_every_process() -> None:
    choose("data", f"defaults: [dataset]\ndataset: {{_target_: {MODULE}.Drawn}}", DRAWN)
    settings = ["data=mine", "model=mlp", "likelihood=gaussian"]
    digests = set()
    for i, name in enumerate(("one", "other")):  # made anew, as in another process
        torch.manual_seed(i)
        np.random.seed(i)
        random.seed(i)
        digests.add(build(compose([*settings, f"data.name={name}"])).data.digest)
    assert len(digests) == 1


def test_the_command_finds_the_module_and_names_the_place_of_its_error(
    betafront: Callable[..., Any], own_place: Path
) -> None:
    code = GOOD.replace("return mlp", "latents / 0\n    return mlp")
    words = choose("model", f"_target_: {MODULE}.my_vae\n_partial_: true\n", code)
    sys.path.remove(str(own_place))
    said = betafront("train", "trainer.steps=1", *words)
    assert said.code == 2
    assert said.err == (
        "betafront: model: ownparts.py, line 5: ZeroDivisionError: division by zero\n"
    )
