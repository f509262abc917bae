"""What tests of data share with those of training: a run of a fraction of a second."""

from tests.training.conftest import make_run, small_digits

__all__ = ["make_run", "small_digits"]
