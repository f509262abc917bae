"""Whether a model keeps the contract, before anything is trained."""

from betafront.models.check.cautions import model_cautions
from betafront.models.check.check import check_log_ratio, check_model

__all__ = ["check_log_ratio", "check_model", "model_cautions"]
