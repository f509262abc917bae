"""A package that can be called like a function: `betafront.study("grey")` opens a study, and
`betafront.study` is the package about studies."""

import sys
from importlib import import_module
from types import ModuleType
from typing import Any


class CallablePackage(ModuleType):
    """A package whose call is the call of a function that lies in another module, which is imported
    then."""

    called = ""

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        module, _, name = self.called.rpartition(".")
        return getattr(import_module(module), name)(*arguments, **named)


def make_callable(package: str, function: str) -> None:
    """Have a call of a package call a function.

    Args:
        package: its name, which is imported already.
        function: its dotted name.
    """
    module = sys.modules[package]
    module.__class__ = CallablePackage
    vars(module)["called"] = function
