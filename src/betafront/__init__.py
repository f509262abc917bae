"""betafront: how to weight the KL term of a VAE, answered with evidence.

What stands in `EXPORTS` is imported when it is first asked for. `forecast`, `study` and `weights`
are packages, which can be called (`betafront.callable_package`).
"""

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from betafront.api.audit import audit as audit
    from betafront.api.compare import compare as compare
    from betafront.api.confirm import confirm as confirm
    from betafront.api.evaluate import evaluate as evaluate
    from betafront.api.forecast import forecast as forecast
    from betafront.api.study import Study as Study
    from betafront.api.study import study as study
    from betafront.api.sweep import sweep as sweep
    from betafront.api.train import train as train
    from betafront.api.trained_run import TrainedRun as TrainedRun
    from betafront.api.weights import weights as weights
    from betafront.errors import UserError as UserError
    from betafront.trained import Trained as Trained
    from betafront.trained import load as load

EXPORTS = {
    "api.audit": ["audit"],
    "api.compare": ["compare"],
    "api.confirm": ["confirm"],
    "api.evaluate": ["evaluate"],
    "api.study": ["Study"],
    "api.sweep": ["sweep"],
    "api.train": ["train"],
    "api.trained_run": ["TrainedRun"],
    "errors": ["UserError"],
    "trained": ["Trained", "load"],
}

PACKAGES = ["forecast", "study", "weights"]

__getattr__, __dir__, __all__ = lazy_loader.attach(__name__, PACKAGES, EXPORTS)
