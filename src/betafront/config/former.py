"""Settings that earlier versions did not have, and the values by which a run does as it did then.

What such a version has begun goes on as it was begun: a stored study or a saved configuration that
lacks one of these is meant with this value, whatever the default is today.
"""

from collections.abc import Mapping
from typing import Any

FORMER: Mapping[str, Any] = {"trainer.keep": "last", "trainer.patience": None}


def lacking(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings, as dotted keys, that were not there yet when `settings` were stored. Where
    nothing of a part is among `settings`, as where it is searched, it lacks nothing."""
    parts = {key.rpartition(".")[0] for key in settings}
    return {k: v for k, v in FORMER.items() if k not in settings and k.rpartition(".")[0] in parts}
