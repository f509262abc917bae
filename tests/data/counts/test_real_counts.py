"""Real counts: 559 cells and 32,786 genes, which the library celltypist ships in its wheel; skipped
where it is not installed (`pip install --no-deps celltypist`)."""

from functools import partial
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

from betafront.data import SPLITS, counts
from betafront.data.counts.counted import Counted
from betafront.metrics import evaluate
from betafront.models import linear
from betafront.objective import Likelihood, Multinomial, NegativeBinomial, Objective, Poisson
from betafront.scale import normalisation
from betafront.training import Run, Trainer, fit_one

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def cells() -> Counted:
    found = find_spec("celltypist")
    if found is None or found.origin is None:
        pytest.skip("celltypist is not installed, whose wheel has real counts")
    return counts("cells", f"{Path(found.origin).parent}/data/samples/sample_cell_by_gene.csv")


def test_the_file_is_read_as_it_is(cells: Counted) -> None:
    assert cells.shape == (32_786,)
    assert sum(cells.size(split) for split in SPLITS) == 559
    kept = sum(len(cells.rows(split).values) for split in SPLITS)
    assert kept / (559 * 32_786) == pytest.approx(0.056, abs=0.001)
    assert "the names of the rows" in cells.note


def trained(data: Counted, likelihood: Likelihood, folder: Path) -> dict[str, float]:
    run = Run(
        data=data,
        architecture=partial(linear, latents=2),
        likelihood=lambda: likelihood,
        make_objective=partial(Objective, weight=1.0, normalisation=normalisation("sum")),
        make_optimizer=partial(torch.optim.Adam, lr=0.01),
        trainer=Trainer(steps=20, accelerator="cpu"),
        evaluate=partial(evaluate, samples=1),
        seed=0,
    )
    return fit_one(run, folder).metrics


def test_cells_scatter_more_than_a_poisson(cells: Counted, tmp_path: Path) -> None:
    made = {
        "poisson": Poisson("row"),
        "negative binomial": NegativeBinomial("row", lr_factor=10),
        "multinomial": Multinomial(),
    }
    found = {name: trained(cells, one, tmp_path / name) for name, one in made.items()}
    nats = {name: values["val/distortion"] for name, values in found.items()}
    assert nats["negative binomial"] < nats["multinomial"] < nats["poisson"]
    # 20 equal steps, of the same gradient: apart by what the totals cost, ½ ln 2πn each
    total = cells.examples("val").sum(1)
    costs = (0.5 * (2 * torch.pi * total).log()).mean()
    assert nats["poisson"] - nats["multinomial"] == pytest.approx(float(costs), abs=0.05)
