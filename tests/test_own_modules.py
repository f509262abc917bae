"""A user's module beside `conf/`, and what is said where it is not what a configuration names."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from betafront.errors import UserError
from betafront.own_modules import cause, check_target, find_modules_in, users_place

MODELS = "ownmodels"  # named so that no installed module is meant


@pytest.fixture(autouse=True)
def imports(own_place: Path) -> Iterator[None]:
    """The folder of the test on the search path, and its modules forgotten afterwards."""
    before, known = list(sys.path), set(sys.modules)
    find_modules_in(own_place)
    yield
    sys.path[:] = before
    for name in set(sys.modules) - known:
        del sys.modules[name]


def refusal(target: str) -> str:
    with pytest.raises(UserError) as refused:
        check_target(target)
    said = str(refused.value)
    assert said.startswith(f"_target_: {target}")
    assert "\n" not in said
    return said


def write(text: str, name: str = f"{MODELS}.py") -> None:
    path = Path(name)
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)


def test_a_function_beside_conf_is_found() -> None:
    write("def my_vae(): ...\n\nclass Mine:\n    @staticmethod\n    def made(): ...\n")
    check_target(f"{MODELS}.my_vae")
    check_target(f"{MODELS}.Mine.made")


def test_modules_here_come_after_those_that_are_installed() -> None:
    write("raise ValueError('this one')", "json.py")
    check_target("json.loads")
    assert sys.path[-1] == str(Path.cwd())
    write("", "yaml.py")
    said = refusal("yaml.my_vae")
    assert "your yaml.py is hidden by an installed module of its name: rename it" in said


@pytest.mark.parametrize(
    ("text", "target", "says"),
    [
        ("", "ownmodel.my_vae", "did you mean 'ownmodels'?"),
        ("def my_vae(): ...", f"{MODELS}.my_vea", "ownmodels.py) has no 'my_vea': did you mean"),
        ("x = 1", f"{MODELS}.x", "is no function or class, but of type int"),
        ("x = 1\ndef f(:\n", f"{MODELS}.f", "ownmodels.py, line 2: SyntaxError: "),
        ("x = 1\n\tdef f(): ...", f"{MODELS}.f", "ownmodels.py, line 2: IndentationError: "),
        (
            "import sys\nimport no_such_library\n",
            f"{MODELS}.f",
            "ownmodels.py, line 2: ModuleNotFoundError: there is no module 'no_such_library'",
        ),
        ("from torch import no_such", f"{MODELS}.f", "ownmodels.py, line 1: ImportError: cannot"),
        ("def g():\n    1 / 0\ng()", f"{MODELS}.f", "ownmodels.py, line 2: ZeroDivisionError: "),
        ("import sys\nsys.exit(3)", f"{MODELS}.f", "line 2: SystemExit: the module ends the"),
        ("", f"{MODELS}:f", "name a function or class as module.name"),
        ("", f"{MODELS}.", "name a function or class as module.name"),
        ("", MODELS, "name a function or class as module.name"),
    ],
)  # fmt: skip
def test_each_failure_says_the_cause_the_file_and_the_line(
    text: str, target: str, says: str
) -> None:
    write(text)
    assert says in refusal(target)


def test_a_module_of_a_package_is_found_or_its_near_miss_named() -> None:
    write("", "ownpackage/__init__.py")
    write("def table(): ...\n", "ownpackage/tables.py")
    check_target("ownpackage.tables.table")
    assert "ownpackage/__init__.py) has no 'table': did you mean 'tables'?" in refusal(
        "ownpackage.table.table"
    )
    write("import no_such_library", "ownpackage/broken.py")
    assert "ownpackage/broken.py, line 1: " in refusal("ownpackage.broken.f")


def test_an_error_of_a_library_has_the_place_of_the_users_call() -> None:
    write("import json\n\ndef f():\n    return json.loads('{')\n")
    check_target(f"{MODELS}.f")
    with pytest.raises(ValueError) as raised:
        sys.modules[MODELS].f()
    assert users_place(raised.value) == "ownmodels.py, line 4"
    assert cause(raised.value).startswith("ownmodels.py, line 4: JSONDecodeError: Expecting")
