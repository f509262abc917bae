"""What is imported with `betafront.tracking`, and under which names."""

import subprocess
import sys

import pytest
from omegaconf import OmegaConf

from betafront.config.targets import make
from betafront.study.tracker.protocol import NoTracker
from betafront.tracking import MLflowTracker


def test_neither_mlflow_nor_torch_is_imported_before_it_is_needed() -> None:
    code = (
        "import sys, betafront.tracking; "
        "print({'mlflow', 'torch', 'pytorch_lightning', 'matplotlib'} & set(sys.modules))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "set()"


@pytest.mark.parametrize(
    ("target", "settings", "kind"),
    [
        ("betafront.tracking.MLflowView", {"uri": "sqlite:///m.db"}, MLflowTracker),
        ("betafront.study.view.NoView", {}, NoTracker),
    ],
)
def test_a_configuration_may_have_the_former_names(
    target: str, settings: dict[str, str], kind: type
) -> None:
    assert type(make(OmegaConf.create({"_target_": target, **settings}))) is kind
