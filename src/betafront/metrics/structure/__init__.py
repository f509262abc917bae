"""What a code keeps apart: metrics of codes against the factors that made the data.

Each is a pure function of codes (n, M) and integer factors (n, K), of labels (n,) for the probes.
None of them sees the noise of q(z|x): the posterior means of a collapsed latent, however small,
may still vary with a factor. Samples from q(z|x) as codes measure what is transmitted.
"""

from collections.abc import Callable

from betafront.metrics.score import Score
from betafront.metrics.structure.beta_vae_score import beta_vae_score
from betafront.metrics.structure.dci import dci
from betafront.metrics.structure.factor_vae_score import factor_vae_score
from betafront.metrics.structure.information import information
from betafront.metrics.structure.irs import irs
from betafront.metrics.structure.mig import mig
from betafront.metrics.structure.modularity import explicitness, modularity
from betafront.metrics.structure.probes import knn_probe, linear_probe
from betafront.metrics.structure.sap import sap

# By name, those of all factors; each is called with codes and factors, and a seed if it draws.
STRUCTURE: dict[str, Callable[..., Score]] = {
    "information": information,
    "mig": mig,
    "dci": dci,
    "sap": sap,
    "modularity": modularity,
    "explicitness": explicitness,
    "beta_vae_score": beta_vae_score,
    "factor_vae_score": factor_vae_score,
    "irs": irs,
}

# By name, those of one label; each is called with codes and labels, and a seed if it draws.
PROBES: dict[str, Callable[..., Score]] = {"linear_probe": linear_probe, "knn_probe": knn_probe}

__all__ = [
    "PROBES",
    "STRUCTURE",
    "Score",
    "beta_vae_score",
    "dci",
    "explicitness",
    "factor_vae_score",
    "information",
    "irs",
    "knn_probe",
    "linear_probe",
    "mig",
    "modularity",
    "sap",
]
