"""Each disentanglement metric beside public implementations, on the same codes.

Those are installed for this check only, to a folder of their own:

    pip install --no-deps --ignore-requires-python --target FOLDER disentanglement-lib==1.5
    pip install --no-deps --ignore-requires-python --target FOLDER latte-metrics==0.0.1a6
    pip install --no-deps --target FOLDER disent==0.8.0 h5py
    python -m benchmarks.metrics.structure --against FOLDER

disentanglement_lib has all of the metrics; disent is a port of some of them; latte has its own MIG,
SAP and modularity. Where settings can be made alike, a row has them so, and its last column is the
largest difference over the codes to the row that it is alike to. The notes say why the others
differ.
"""

import argparse
import os
import sys
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import against
import numpy as np
from against import GroundTruth, lib, unchanged
from benchmarks.common import console, say_where
from numpy.typing import NDArray
from rich.table import Table

from betafront.metrics import structure
from betafront.metrics.structure.dci import completeness, disentanglement
from betafront.metrics.structure.inputs import relabelled, split

SIZES = (4, 24, 8, 6)
EXAMPLES = 5000
BOOSTED = 1000  # examples for DCI: boosting has a tree for each level and stage
POINTS = 2000  # of the β-VAE score, and votes of the FactorVAE score, to learn from and to score
LIB, DISENT, LATTE, OURS = "dlib", "disent", "latte", "ours"
AS_LIB = "ours, 20 equal bins, no correction"

Array = NDArray[Any]
Values = dict[str, float]  # by row


def standard(v: Array) -> Array:
    sizes = np.array(SIZES)
    return (v - (sizes - 1) / 2) / np.sqrt((sizes**2 - 1) / 12)


def turned(v: Array) -> Array:
    """The first two by 45 degrees, and the last two."""
    s = standard(v)
    a, b = s[:, ::2], s[:, 1::2]
    return np.hstack([a + b, a - b]) / np.sqrt(2)


def with_noise(v: Array, draws: Any, columns: int, scale: float) -> Array:
    return np.hstack([standard(v), scale * draws.normal(size=(len(v), columns))])


# The code of factors, given a source of draws.
CODES: dict[str, Callable[[Array, Any], Array]] = {
    "same": lambda v, draws: standard(v),
    "moved": lambda v, draws: standard(v)[:, [2, 0, 3, 1]] * [-1, 0.5, 5, -30],
    "45°": lambda v, draws: turned(v),
    "twice": lambda v, draws: np.hstack([standard(v), standard(v)]),
    "dead": lambda v, draws: with_noise(v, draws, 4, 0),
    "small": lambda v, draws: with_noise(v, draws, 4, 0.03),
    "noisy": lambda v, draws: standard(v) + 0.5 * draws.normal(size=v.shape),
    "bent": lambda v, draws: standard(v) ** 3,
    "noise": lambda v, draws: draws.normal(size=v.shape),
}
LEGEND = """\
same: the factors, standardised; moved: other order, signs and scales; 45°: turned in pairs; twice:
each latent once more; dead: four latents of zeros beside; small: four of noise with a standard
deviation of 0.03 beside; noisy: with noise of 0.5; bent: cubed; noise: nothing else."""


def mig(z: Array, v: Array) -> Values:
    from latte.functional.disentanglement.mutual_info import mig as of_latte

    ours = partial(structure.mig, z, v)
    return {
        LIB: lib("mig")._compute_mig(z.T, v.T)["discrete_mig"],
        AS_LIB: ours(bins=20, binning="width", correction="none").values["mig"],
        LATTE: of_latte(z, v, discrete=True).mean(),
        OURS: ours().values["mig"],
    }


def modularity(z: Array, v: Array) -> Values:
    from latte.functional.disentanglement.modularity import modularity as of_latte

    told = lib("utils").discrete_mutual_info(lib("utils").make_discretizer(z.T), v.T)
    ours = partial(structure.modularity, z, v)
    default = ours().values
    return {
        LIB: lib("modularity_explicitness").modularity(told),
        AS_LIB: ours(bins=20, binning="width", correction="none").values["modularity"],
        LATTE: of_latte(z, v, discrete=True).mean(),
        OURS: default["modularity"],
        "ours, active latents": default["modularity_active"],
    }


def dci(z: Array, v: Array) -> dict[str, Values]:
    z, v = z[:BOOSTED], v[:BOOSTED]
    module = lib("dci")
    columns, accuracies = [], []
    for factor in v.T:
        weights, _, accuracy = module.compute_importance_gbt(*_parts(z, factor))
        columns.append(weights)
        accuracies.append(accuracy)
    importance = np.hstack(columns)
    boosted = structure.dci(
        z, v, regressor="gradient_boosting", importance="impurity", trees=100, depth=3
    ).values
    default = structure.dci(z, v).values
    theirs = {
        "disentanglement": module.disentanglement(importance),
        "completeness": module.completeness(importance),
        "accuracy": np.mean(accuracies),
    }
    of_theirs = {
        "disentanglement": disentanglement(importance),
        "completeness": completeness(importance),
    }
    found: dict[str, Values] = {}
    for part, value in theirs.items():
        rows = found[f"DCI {part}"] = {LIB: value}
        if part in of_theirs:
            rows["ours, of dlib's importances"] = of_theirs[part]
        rows["ours, boosting, impurity"] = boosted[f"dci_{part}"]
        rows[OURS] = default[f"dci_{part}"]
    return found


def sap(z: Array, v: Array) -> dict[str, Values]:
    from latte.functional.disentanglement.sap import sap as of_latte

    module = lib("sap_score")

    def theirs() -> float:
        columns = [
            module.compute_score_matrix(*parts, False)
            for parts in (_parts(z, factor) for factor in v.T)
        ]
        return float(module.compute_avg_diff_top_two(np.hstack(columns)))

    with against.replaced("sap_score", "svm", LinearSVC=against.ClassMeans):
        means = theirs()
    return {
        "SAP, a line": {
            LIB: module._compute_sap(z.T, v.T, z.T, v.T, True)["SAP_score"],
            LATTE: of_latte(z, v).mean(),
            OURS: structure.sap(z, v, ordinal=[True] * v.shape[1]).values["sap"],
        },
        "SAP, a classifier": {
            LATTE: of_latte(z, v, discrete=True).mean(),
            LIB: theirs(),
            "dlib, nearest class mean": means,
            OURS: structure.sap(z, v).values["sap"],
        },
    }


def explicitness(z: Array, v: Array) -> Values:
    def theirs() -> float:
        compute = lib("modularity_explicitness").explicitness_per_factor
        areas = []
        for factor in v.T:
            seen, known, held_out, asked = _parts(z, factor)
            spread = seen.std(axis=1, keepdims=True)
            seen, held_out = (
                (part - seen.mean(axis=1, keepdims=True)) / np.where(spread > 0, spread, 1)
                for part in (seen, held_out)
            )
            areas.append(compute(seen, known[0], held_out, asked[0])[1])
        return float(2 * np.mean(areas) - 1)

    with against.replaced(
        "modularity_explicitness", "linear_model", LogisticRegression=against.OneVersusRest
    ):
        lines = theirs()
    return {
        LIB: theirs(),
        "dlib, balanced one versus rest": lines,
        OURS: structure.explicitness(z, v).values["explicitness"],
    }


def _parts(z: Array, factor: Array) -> tuple[Array, Array, Array, Array]:
    """Our split of the codes and of a factor, to train on and to test on, as dlib takes them."""
    train, test = split(relabelled(factor), 0)
    return z[train].T, factor[None, train], z[test].T, factor[None, test]


def beta_vae_score(z: Array, v: Array, truth: GroundTruth) -> Values:
    def theirs() -> float:
        compute = lib("beta_vae").compute_beta_vae_sklearn
        numbers = {"batch_size": 64, "num_train": POINTS, "num_eval": POINTS}
        found = compute(truth, unchanged, np.random.RandomState(0), **numbers)
        return float(found["eval_accuracy"])

    with against.replaced("beta_vae", "linear_model", LogisticRegression=against.standardised):
        standardised = theirs()
    ours = structure.beta_vae_score(z, v, train_points=POINTS, test_points=POINTS)
    return {
        LIB: theirs(),
        "dlib, standardised": standardised,
        OURS: ours.values["beta_vae_score"],
    }


def factor_vae_score(z: Array, v: Array, truth: GroundTruth) -> Values:
    theirs, port = against.voted(truth, 64, POINTS, 0)
    ours = structure.factor_vae_score
    return {
        DISENT: port,
        LIB: theirs,
        OURS: ours(z, v, train_votes=POINTS, test_votes=POINTS).values["factor_vae_score"],
    }


def irs(z: Array, v: Array, truth: GroundTruth) -> Values:
    def theirs(quantile: float) -> float:
        compute = lib("irs").compute_irs
        return float(
            compute(
                truth, unchanged, None, diff_quantile=quantile, num_train=len(z), batch_size=len(z)
            )["IRS"]
        )

    with against.changed("discretizer", num_bins=10 * max(SIZES)):
        largest = theirs(1.0)
    return {
        LIB: theirs(0.99),
        "dlib, the largest, all levels": largest,
        "ours, the largest": structure.irs(z, v, quantile=1).values["irs"],
        OURS: structure.irs(z, v).values["irs"],
    }


def values(name: str) -> dict[str, Values]:
    """By metric and row, those of a code."""
    warnings.simplefilter("ignore")
    v = np.random.default_rng(0).integers(0, SIZES, (EXAMPLES, len(SIZES)))
    z = CODES[name](v, np.random.default_rng(1))
    truth = GroundTruth(z, v, SIZES, CODES[name])
    return {
        "MIG": mig(z, v),
        "modularity": modularity(z, v),
        **dci(z, v),
        **sap(z, v),
        "explicitness": explicitness(z, v),
        "β-VAE score": beta_vae_score(z, v, truth),
        "FactorVAE score": factor_vae_score(z, v, truth),
        "IRS": irs(z, v, truth),
    }


# Where settings are alike: by metric and row, the row that has the same.
ALIKE = {
    ("MIG", AS_LIB): LIB,
    ("modularity", AS_LIB): LIB,
    ("DCI disentanglement", "ours, of dlib's importances"): LIB,
    ("DCI disentanglement", "ours, boosting, impurity"): LIB,
    ("DCI completeness", "ours, of dlib's importances"): LIB,
    ("DCI completeness", "ours, boosting, impurity"): LIB,
    ("DCI accuracy", "ours, boosting, impurity"): LIB,
    ("SAP, a line", LATTE): LIB,
    ("SAP, a line", OURS): LIB,
    ("SAP, a classifier", OURS): "dlib, nearest class mean",
    ("explicitness", OURS): "dlib, balanced one versus rest",
    ("β-VAE score", OURS): "dlib, standardised",
    ("FactorVAE score", OURS): LIB,
    ("IRS", "ours, the largest"): "dlib, the largest, all levels",
}

NOTES = """\
Why the others differ
MIG. dlib takes 20 bins of equal width (its mig.gin): of 24 levels they hold ln 20 / ln 24 = 0.94,
  and of a bent latent less. latte's nearest neighbours (scikit-learn's mutual_info_classif) are
  ours but for the noise that it adds to ties, and that of its estimates, which ours leaves out.
modularity. As MIG; plain counts overestimate the information of what tells nothing, and ratios of
  such estimates are arbitrary: small, noise. Ours leaves out information that is within its noise.
  latte has its own noise for dead latents, where dlib and ours have 0.
DCI. dlib boosts trees without a seed and takes their impurity (dci.py:129-131), which gives
  importance to whatever trees learn of noise: noisy. Ours is the held-out accuracy that a latent's
  shuffling costs, beyond its noise. The formulas are the same, but for the 1e-11
  that dlib adds to each importance. Of twins, which one a tree takes is drawn. Accuracies differ
  as boosting and a forest do.
SAP, a classifier. Linear machines, one against the rest, find the first and the last of many levels
  in one latent (dlib sap_score.py:146, latte sap.py:46, which moreover scores the examples that it
  was fitted to). With class means in their place dlib comes to ours, but for its plain accuracy:
  ours is balanced.
explicitness. dlib's LogisticRegression() (modularity_explicitness.py:104) was one against the
  rest when it was published, and is multinomial since scikit-learn 0.22; the area under its
  probabilities ranks middle values right too, and is no longer that of the paper. dlib's row is
  moved as ours is, to 2 A - 1.
β-VAE score. dlib does not standardise its points, so that its penalty sees the latents' scales.
  The draws are others: a standard error of 0.01 for each.
FactorVAE score. dlib prunes by the standard deviation (0.05 in its gin file, 0 in its code), ours
  by the variance. disent has 0: dead latents are divided by 0 and, not being numbers, take every
  vote (_factor_vae.py:202). Both give len(mask), all latents, as num_active_dims
  (factor_vae.py:99). The draws are others, and ours are from the examples alone.
IRS. dlib divides a 99 % quantile at one value by the largest deviation of all (irs.py:112, 125),
  so that fewer examples and noise look robust: noise. It bins the factors too, 24 levels to 20
  (irs.py:64). Its num_active_dims is the sum of the codes (irs.py:75).
All of these metrics are in disentanglement_lib; none is without a public implementation."""


def table(found: dict[str, dict[str, Values]]) -> Table:
    """Of the values by code, metric and row."""
    shown = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
    shown.add_column("")
    for name in (*found, "apart"):
        shown.add_column(name, justify="right")
    first = next(iter(found.values()))
    for metric, rows in first.items():
        shown.add_row(metric)
        for row in rows:
            each = np.array([found[code][metric][row] for code in found])
            cells = [f"{value:.3f}" for value in each]
            if like := ALIKE.get((metric, row)):
                other = np.array([found[code][metric][like] for code in found])
                cells.append(f"{np.abs(each - other).max():.4f}")
            shown.add_row(f"  {row}", *cells)
    return shown


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--against", type=Path, required=True, metavar="FOLDER")
    folder = parser.parse_args().against
    if missing := against.missing(folder):
        sys.exit(
            f"{folder} has no {', '.join(missing)}: the first lines of {Path(__file__).name} say "
            "how to install what is compared with"
        )
    against.make_known(folder)
    out = console()
    say_where(out, ("numpy", "scikit-learn", "disentanglement-lib", "disent", "latte-metrics"))
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        found = dict(zip(CODES, pool.map(values, CODES), strict=True))
    out.print(
        f"{EXAMPLES} examples ({BOOSTED} for DCI) of independent factors with "
        f"{', '.join(map(str, SIZES))} levels; dlib is disentanglement_lib.\n{LEGEND}\n"
    )
    out.print(table(found))
    out.print(NOTES)


if __name__ == "__main__":
    main()
