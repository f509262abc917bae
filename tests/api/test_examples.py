"""The examples in the docstrings of what `import betafront` offers: each runs, in one order, as a
notebook would."""

import doctest
import inspect
from typing import Any

import betafront
from betafront.api.forecast import forecast
from betafront.api.study import study
from betafront.api.weights import weights
from betafront.api.words import words_of

# `sweep` makes the study that those after it read.
IN_ORDER = (
    words_of, betafront.train, betafront.sweep, study, betafront.compare, betafront.evaluate,
    betafront.confirm, betafront.load, betafront.audit, weights, forecast,
)  # fmt: skip


def test_every_function_has_an_example_that_runs() -> None:
    public = [getattr(betafront, name) for name in betafront.__all__]
    functions = {each for each in public if inspect.isfunction(each)}
    assert functions <= set(IN_ORDER)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    for function in IN_ORDER:
        (example,) = examples_of(function)
        said: list[str] = []
        runner.run(example, out=said.append)
        assert not said, "".join(said)


def examples_of(function: Any) -> list[doctest.DocTest]:
    found = doctest.DocTestFinder(recurse=False).find(function)
    return [test for test in found if test.examples]
