"""Whose code a configuration may run: what it may name as a `_target_`.

A configuration is a text, and texts come from anywhere: a folder of runs, an exported model, a
registry, a file that somebody has sent. So a text alone makes the project's own parts; what else it
may make, `docs/trust.md` says for every way in.
"""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from betafront.config.homes import (
    OF_THE_PROJECT,
    found,
    is_of_torch,
    is_own_code,
    is_part,
    is_standard,
    package_of,
)
from betafront.config.parts import (
    PARTS,
    PUBLIC,
    TARGET,
    TO_LOAD,
    files_of_group,
    parts,
    records,
    targets_in,
)
from betafront.errors import UserError, near_miss

TRUST = "BETAFRONT_TRUST"
"""The environment variable that names what is trusted, with commas between the names."""

NAME = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
OF_TORCH = re.compile(r"(torch\.(optim|nn)|torchvision\.transforms\.v2)(\.\w+)+")


def on_the_command_line(names: Sequence[str]) -> str:
    """How names are trusted in a command."""
    return " ".join(f"--trust {name}" for name in names)


def in_python(names: Sequence[str]) -> str:
    """How names are trusted in a program."""
    return f"betafront.load(…{argument(names)})"


def argument(names: Sequence[str]) -> str:
    """What follows the path in a call of `betafront.load` that trusts some names."""
    return f", trust={list(names) if len(names) > 1 else names[0]!r}" if names else ""


@dataclass(frozen=True)
class Wall:
    """What a configuration may name beside the parts of `parts()`, torch's own optimisers,
    schedules of the learning rate and modules, and torchvision's transforms.

    Attributes:
        trusted: modules, of which everything that is defined in them may be named, and single
            functions and classes.
        named: functions and classes that the user's own files name, as far as they are not of an
            installed library.
        own_code: whether it may name anything that is not of an installed library.
        ways: how names are trusted, in words.
        of: the parts of a run that are made of the configuration, whose `parts()` it may name.
    """

    trusted: frozenset[str] = frozenset()
    named: frozenset[str] = frozenset()
    own_code: bool = False
    ways: Callable[[Sequence[str]], str] = on_the_command_line
    of: tuple[str, ...] = PARTS

    def around(self, part: str) -> "Wall":
        """This wall around the node of one part: a model, which others may have written, has no
        need of data, whose making may fetch files."""
        return replace(self, of=TO_LOAD) if part in TO_LOAD else self

    def check(self, targets: Iterable[str], where: str = "") -> None:
        """Refuse what may not be named. Nothing of a refused module is imported.

        Args:
            targets: that a configuration names.
            where: the file that it is in; empty where it was composed for this command.

        Raises:
            UserError: naming each target that is refused, and how to trust it.
        """
        wanted = list(dict.fromkeys(targets))
        for target in wanted:
            _refuse_always(target, where)
        if refused := self._refused(wanted):
            raise UserError(self._refusal(refused, where))
        for target in wanted:
            if target not in self.trusted and not self._is_shipped(target):
                self._check_home(target, where)

    def lacking(self, targets: Iterable[str]) -> list[str]:
        """What would have to be trusted for a configuration to name these targets."""
        return _to_trust(self._refused(targets))

    def _refused(self, targets: Iterable[str]) -> list[str]:
        return [target for target in targets if not self._may_name(target)]

    def _may_name(self, target: str) -> bool:
        if self._is_shipped(target) or OF_TORCH.fullmatch(target) or self._trusts(target):
            return True
        return (self.own_code or target in self.named) and is_own_code(target)

    def _is_shipped(self, target: str) -> bool:
        """Whether a shipped choice names a target: what was kept of a run has no record in it."""
        return target in parts(self.of) or (self.own_code and target in records())

    def _trusts(self, name: str) -> bool:
        return any(name == known or name.startswith(f"{known}.") for known in self.trusted)

    def _refusal(self, refused: Sequence[str], where: str) -> str:
        names = ", ".join(refused)
        ours = [name for name in refused if package_of(name) == OF_THE_PROJECT]
        if ours:
            return f"{where or '_target_'}: {self._why_not_ours(ours[0])}"
        ways = self.ways(_to_trust(refused))
        if where:
            return (
                f"{where} names {names}: that is not of betafront, and what others may have "
                f"written runs no other code, unless you trust it: {ways}"
            )
        return (
            f"_target_: {names} is of an installed library, which a configuration runs only where "
            f"you trust it: {ways} (or {TRUST}=…)"
        )

    def _why_not_ours(self, target: str) -> str:
        """Why something of the project's own may not be named, and the way out."""
        if target in parts():
            return (
                f"{target} is no part of a trained model, which is made of models and likelihoods; "
                f"where you trust it: {self.ways([target])}"
            )
        name, what = _end(target), f"{target} is none of the parts that a configuration makes"
        ends = {_end(part): part for part in sorted(parts(self.of), reverse=True)}
        if name in ends:
            return f"{what}: write {ends[name]}"
        near = near_miss(name, ends)
        if close := [part for end, part in ends.items() if near == f"did you mean '{end}'?"]:
            return f"{what}: did you mean '{close[0]}'?"
        packages = ", ".join(sorted(PUBLIC.values()))
        return (
            f"{what}, which are those of the choices in conf/ and the classes of {packages}: call "
            "it in a function of your own, and name that"
        )

    def _check_home(self, target: str, where: str) -> None:
        """Refuse a function or a class that is defined elsewhere than where it is named, as
        `mymodule.os.system` is.

        Raises:
            UserError: naming where it is defined.
        """
        of_torch = OF_TORCH.fullmatch(target) is not None and not self._trusts(target)
        own = (self.own_code or target in self.named) and is_own_code(target)

        def may_be_of(module: str) -> bool:
            return self._trusts(module) or (own and is_own_code(module))

        try:
            made, home = found(target, may_be_of)
        except (Exception, SystemExit):  # it cannot be imported: whoever makes it says why
            return
        if of_torch and not is_of_torch(made):
            raise UserError(self._refusal([target], where))
        if may_be_of(home) or is_part(made) or is_of_torch(made):
            return
        name = getattr(made, "__qualname__", type(made).__qualname__)
        what = f"{where or '_target_'}: {target} is {home}.{name}"
        if is_standard(home):
            raise UserError(f"{what}, of Python's standard library: name a function of your own")
        raise UserError(f"{what}, of another module; where you trust that: {self.ways([target])}")


def of_composed() -> Wall:
    """Around a configuration that is composed for this command: of its words, of `conf/` and
    `studies/` where it is given, and of what is shipped."""
    return Wall(trusted(), own_code=True)


def of_kept() -> Wall:
    """Around a configuration that lies in the folder of a run."""
    return Wall(trusted(), named=named_here())


def of_loaded(trust: str | Iterable[str]) -> Wall:
    """Around the configuration of an exported model that a program loads.

    Raises:
        UserError: one of `trust` is no name of a module, function or class.
    """
    more = [trust] if isinstance(trust, str) else list(trust)
    return Wall(trusted() | _checked(more, "trust="), ways=in_python, of=TO_LOAD)


def trusted() -> frozenset[str]:
    """What `BETAFRONT_TRUST` and the command line name.

    Raises:
        UserError: something of it is no name of a module, function or class.
    """
    return _checked(re.split(r"[,\s]+", os.environ.get(TRUST, "").strip(", ")), TRUST)


def trust_also(names: Iterable[str]) -> None:
    """Have this process, and those that it starts, trust further names.

    Raises:
        UserError: one is no name of a module, function or class.
    """
    more = _checked([part for name in names for part in name.split(",")], "--trust")
    if more:
        os.environ[TRUST] = ",".join(sorted(trusted() | more))


@contextmanager
def trusting(names: Iterable[str]) -> Iterator[None]:
    """A context in which further names are trusted; what is trusted within it ends with it.

    Raises:
        UserError: one is no name of a module, function or class.
    """
    before = os.environ.get(TRUST)
    try:
        trust_also(names)
        yield
    finally:
        os.environ.pop(TRUST, None)
        if before is not None:
            os.environ[TRUST] = before


def typed_targets(words: Iterable[str]) -> list[str]:
    """The targets that the words of a command name; who types one has named it."""
    named = (name for word in words for name in TARGET.findall(word))
    return [name for name in named if NAME.fullmatch(name) and not is_standard(name)]


def named_by(trust: str | Iterable[str], words: Iterable[str]) -> list[str]:
    """What a call names as trusted: its `trust`, one name or several, and the targets among its
    words."""
    return [*([trust] if isinstance(trust, str) else trust), *typed_targets(words)]


def without_trust(words: Sequence[str]) -> list[str]:
    """The words of a command without its --trust, which is heeded: for those that go to Hydra.

    Raises:
        UserError: what is to be trusted is no name of a module, function or class.
    """
    kept = list[str]()
    rest = iter(words)
    for word in rest:
        option, equals, name = word.partition("=")
        if option == "--trust":
            trust_also([name if equals else next(rest, "")])
        else:
            kept.append(word)
    return kept


def named_here() -> frozenset[str]:
    """The targets that the choices in `conf/` and the studies in `studies/` name where the command
    is given: what lies elsewhere below `studies/`, such as the configuration of a run that somebody
    has sent, is no choice of the user's."""
    studies = Path("studies").glob("*/study.yaml")
    return targets_in((*files_of_group(Path("conf")), *studies))


def _refuse_always(target: str, where: str) -> None:
    """Refuse what no trust makes a part of a run."""
    shown = f"{where}: _target_: {target}" if where else f"_target_: {target}"
    if not NAME.fullmatch(target) or any(part.startswith("__") for part in target.split(".")):
        raise UserError(
            f"{shown}: name a function or class as module.name, as in _target_: mymodule.my_vae"
        )
    if is_standard(target):
        raise UserError(
            f"{shown} is in Python's standard library: name a part of betafront, of a library or "
            "of your own"
        )


def _checked(names: Iterable[str], given: str) -> frozenset[str]:
    found = {name.strip() for name in names} - {""}
    for name in found:
        if not NAME.fullmatch(name):
            raise UserError(
                f"{given} names modules, functions or classes, as mypackage or mypackage.my_vae, "
                f"and not '{name}'"
            )
        if is_standard(name):
            raise UserError(f"{given} {name}: Python's standard library has no parts of a run")
    return frozenset(found)


def _end(target: str) -> str:
    """The last part of a dotted name."""
    return target.rpartition(".")[2]


def _to_trust(targets: Iterable[str]) -> list[str]:
    """What to trust so that targets may be named: the packages of one's own code, and of libraries
    the functions and classes alone."""
    names = (package_of(target) if is_own_code(target) else target for target in targets)
    return list(dict.fromkeys(names))
