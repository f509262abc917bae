"""What is imported with `betafront.tracking`, and under which names."""

import subprocess
import sys

from hydra.utils import get_class

from betafront.tracking import MLflowTracker


def test_neither_mlflow_nor_torch_is_imported_before_it_is_needed() -> None:
    code = (
        "import sys, betafront.tracking; "
        "print({'mlflow', 'torch', 'pytorch_lightning', 'matplotlib'} & set(sys.modules))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "set()"


def test_the_former_name_in_configurations_is_the_same_class() -> None:
    assert get_class("betafront.tracking.MLflowView") is MLflowTracker
