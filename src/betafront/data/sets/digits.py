"""The embedded default: scikit-learn's 1,797 handwritten digits of 8 x 8 pixels."""

import torch

from betafront.data.factors import Table
from betafront.data.images import Images, prepare


def digits(
    name: str = "digits",
    val: float = 0.2,
    test: float = 0.2,
    split_seed: int = 0,
    limit: int | None = None,
    binarize: float | None = None,
    levels: int | None = 17,
    dequantize: bool = False,
) -> Images:
    """The digits of `sklearn.datasets.load_digits`, 17 grey levels scaled to [0, 1].

    The digit of an image is its one known factor, `label`. The arguments are those of
    `betafront.data.images.prepare`.
    """
    from sklearn.datasets import load_digits

    published = load_digits()
    x = torch.tensor(published.images, dtype=torch.float32).unsqueeze(1) / 16
    return prepare(
        name,
        x,
        factors=Table.of_labels(torch.from_numpy(published.target), size=10),
        val=val,
        test=test,
        split_seed=split_seed,
        limit=limit,
        binarize=binarize,
        levels=levels,
        dequantize=dequantize,
    )
