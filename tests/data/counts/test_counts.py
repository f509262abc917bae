"""Counts of a file: sparse without ever being dense, with the order and the bits of the dense."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse

from betafront.data import SPLITS, counts, in_memory
from betafront.errors import UserError
from betafront.metrics import evaluate
from betafront.models import mlp
from betafront.objective import Bernoulli, Poisson

N, D = 60, 9


@pytest.fixture
def x() -> np.ndarray:
    """(60, 9) counts, two thirds of them 0, with rows and a column that have none at all."""
    rng = np.random.default_rng(0)
    made = rng.poisson(4, (N, D)) * (rng.random((N, D)) < 0.35)
    made[[0, 7]], made[:, 3] = 0, 0
    return made


Write = Callable[[Path, np.ndarray], None]


def frame(x: np.ndarray) -> pd.DataFrame:
    """With the names of the rows, as tools write it."""
    table = pd.DataFrame(x, columns=[f"gene_{i}" for i in range(x.shape[1])])
    table.insert(0, "cell", [f"c{i}" for i in range(len(x))])
    return table


def doubled(path: Path, x: np.ndarray) -> None:
    """Entries in two halves, in no order, and zeros among them."""
    row, column = np.indices(x.shape).reshape(2, -1)
    half = x.ravel() // 2
    parts, order = np.concatenate([x.ravel() - half, half]), np.random.default_rng(1).permutation
    some = order(len(parts))
    entries = parts[some], (np.tile(row, 2)[some], np.tile(column, 2)[some])
    sparse.save_npz(path, sparse.coo_array(entries, shape=x.shape))


FILES: dict[str, tuple[str, Write]] = {
    "sums of parts": ("x.npy", lambda path, x: np.save(path, x - 1e-11 * (x > 2))),
    "csr": ("x.npz", lambda path, x: sparse.save_npz(path, sparse.csr_matrix(x))),
    "csc of floats": (
        "x.npz", lambda path, x: sparse.save_npz(path, sparse.csc_array(x.astype("f8")))
    ),
    "coo in halves": ("x.npz", doubled),
    "npy": ("x.npy", np.save),
    "npz": ("x.npz", lambda path, x: np.savez(path, counts=x, other=x)),
    "csv": ("x.csv", lambda path, x: frame(x).to_csv(path, index=False)),
    "tsv": ("x.tsv", lambda path, x: frame(x).to_csv(path, index=False, sep="\t")),
    "semicolons": ("x.CSV", lambda path, x: frame(x).to_csv(path, index=False, sep=";")),
    "numbered rows": ("x.csv", lambda path, x: frame(x).drop(columns="cell").to_csv(path)),
    "truth values among them": (
        "x.csv",
        lambda path, x: frame(x).astype({"gene_3": bool}).to_csv(path, index=False),
    ),
    "parquet": ("x.parquet", lambda path, x: frame(x).to_parquet(path)),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_every_file_has_the_splits_and_bits_of_the_dense_array(name: str, x: np.ndarray) -> None:
    file, write = FILES[name]
    write(Path(file), x)
    data, dense = (
        counts("c", file, split_seed=3, limit=50),
        in_memory("c", x, split_seed=3, limit=50),
    )
    assert (data.shape, data.dims) == ((D,), D)
    for split in SPLITS:
        assert data.size(split) == dense.size(split)
        assert torch.equal(data.examples(split), dense.examples(split))
        assert torch.equal(data.examples(split, 2), dense.examples(split, 2))
        for size in (7, 1000):
            batches = [*data.batches(split, size)], [*dense.batches(split, size)]
            assert all(map(torch.equal, *batches))
    for data_of in (data, data.to("cpu")):
        shuffled = [
            [*each.batches("train", 8, torch.Generator().manual_seed(1))]
            for each in (data_of, dense)
        ]
        assert len(shuffled[0]) == len(shuffled[1]) == 5
        assert all(map(torch.equal, *shuffled))
    of_tables = ("csv", "tsv", "semicolons", "truth values among them", "parquet")
    assert ("cell" in data.note) == (name in of_tables)


def test_the_digest_names_the_values_their_places_and_the_splits(x: np.ndarray) -> None:
    def digest(given: np.ndarray, **how: Any) -> str:
        sparse.save_npz("x.npz", sparse.csr_matrix(given))
        return counts("c", "x.npz", **how).digest

    first = digest(x)
    np.save("x.npy", x.astype(np.uint8))
    assert counts("other", "x.npy").digest == first == digest(x)
    more, moved = x.copy(), x.copy()
    more[1, 1] += 1
    moved[:, [0, 1]] = moved[:, [1, 0]]
    wider = np.hstack([x, np.zeros((N, 1), int)])
    others = [digest(given) for given in (more, moved, wider)] + [digest(x, split_seed=1)]
    assert len({first, *others}) == 5


def test_rows_can_be_had_one_by_one_and_in_parts(x: np.ndarray) -> None:
    np.save("x.npy", x)
    data = counts("c", "x.npy")
    rows, every = data.rows("train"), data.examples("train")
    assert (rows.ndim, rows.shape, len(rows)) == (2, tuple(every.shape), len(every))
    assert torch.equal(rows[0], every[0])
    assert torch.equal(rows[-1], every[-1])
    assert torch.equal(rows[3:9], every[3:9])
    assert torch.equal(rows[torch.tensor([5, 5, 0])], every[[5, 5, 0]])
    assert torch.equal(torch.cat([*rows.split(11)]), every)


def test_a_matrix_whose_dense_form_is_beyond_any_memory() -> None:
    n, d = 1_000_000, 50_000  # 200 GB as 32-bit numbers
    rng = np.random.default_rng(0)
    entries = np.full(20_000, 2), (rng.integers(n, size=20_000), rng.integers(d, size=20_000))
    sparse.save_npz("x.npz", sparse.coo_array(entries, shape=(n, d)))
    data = counts("c", "x.npz", val=1e-5, test=1e-5)
    assert [data.size(split) for split in SPLITS] == [n - 20, 10, 10]
    batch = next(iter(data.batches("train", 16, torch.Generator().manual_seed(0))))
    assert batch.shape == (16, d)
    data.check(Poisson())
    with pytest.raises(UserError, match="data runs from"):
        data.check(Bernoulli())
    assert sum(float(rows.sum()) for rows in (data.examples("val"), data.examples("test"))) < 100


def test_labels_go_with_their_rows(x: np.ndarray) -> None:
    kind = np.array(["t", "b", "nk"])[np.arange(N) % 3]
    np.save("x.npy", x)
    np.save("kind.npy", kind)
    frame(x).assign(kind=kind).to_csv("x.csv", index=False)
    dense = in_memory("c", np.arange(N)[:, None])
    for data in (counts("c", "x.npy", label="kind.npy"), counts("c", "x.csv", label="kind")):
        known = data.known("train")
        assert known is not None
        of = {"b": 0, "nk": 1, "t": 2}
        assert known.values[:, 0].tolist() == [of[kind[int(i)]] for i in dense.train[:, 0]]
        assert data.shape == (D,)


def test_a_given_total_is_the_sum_of_a_row_by_one_more_column(x: np.ndarray) -> None:
    total = x.sum(1) + np.arange(N)
    np.save("x.npy", x)
    np.save("total.npy", total)
    frame(x).assign(depth=total).to_csv("x.csv", index=False)
    by_file, by_column = (
        counts("c", "x.npy", total="total.npy"),
        counts("c", "x.csv", total="depth"),
    )
    assert by_file.shape == (D + 1,)
    assert by_file.digest == by_column.digest
    every = torch.cat([by_file.examples(split) for split in ("test", "val", "train")])
    order = torch.randperm(N, generator=torch.Generator().manual_seed(0))
    assert every.sum(1).tolist() == total[order].tolist()
    assert torch.equal(every[:, :D], torch.from_numpy(x)[order].float())
    total[5] = 0
    x[5, 1] = 3
    np.save("total.npy", total)
    np.save("x.npy", x)
    with pytest.raises(UserError, match=r"row 5 of x\.npy has the total 0, less than its counts"):
        counts("c", "x.npy", total="total.npy")


def test_evaluation_sees_the_same_numbers_in_either_form(x: np.ndarray) -> None:
    np.save("x.npy", x)
    torch.manual_seed(0)
    model = mlp((D,), Poisson("row"), latents=2, hidden=[4])
    data, dense = counts("c", "x.npy"), in_memory("c", x)
    ours, theirs = (
        evaluate(model, each, samples=2).values for each in (data.examples("val"), dense.val)
    )
    assert ours == theirs
    assert ours["bits_per_dim"] == pytest.approx(ours["negative_elbo"] / (D * np.log(2)))


WRONG: dict[str, tuple[Callable[[np.ndarray], Any], str]] = {
    "fractions": (lambda x: x + 0.5 * (x == 2), r"has fractions, first 2\.5 in row \d+, column \d"),
    "negative": (lambda x: x - 1, "has negative numbers, first -1 in row 0, column 0"),
    "NaN": (lambda x: np.where(x == 2, np.nan, x), "has NaN or infinity"),
    "too large": (lambda x: x * 2**24, r"has counts beyond 16,777,216"),
    "complex": (lambda x: x * 1j, "holds complex128 of the shape"),
    "words": (lambda x: x.astype(str), "holds <U21 of the shape"),
    "one dimension": (lambda x: x[0], r"of the shape \(9,\): give numbers of \(n, D\)"),
    "nothing": (lambda x: x[:, :0], "has 60 rows and 0 columns"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_no_table_of_counts_is_refused(x: np.ndarray, what: str) -> None:
    change, message = WRONG[what]
    np.save("x.npy", change(x))
    with pytest.raises(UserError, match=message) as refused:
        counts("c", "x.npy")
    assert "\n" not in str(refused.value)


def test_counts_without_names_are_asked_about(x: np.ndarray) -> None:
    pd.DataFrame(x).to_csv("x.csv", header=False, index=False)
    frame(x).to_csv("named.csv", header=False, index=False)
    for path in ("x.csv", "named.csv"):
        with pytest.raises(UserError, match=r"the first line of .* data.header=false if"):
            counts("c", path)
        data = counts("c", path, header=False)
        assert data.shape == (D,)
        assert sum(data.size(split) for split in SPLITS) == N


def test_files_that_will_not_do_are_refused_with_the_way_out(x: np.ndarray) -> None:
    np.save("x.npy", x)
    np.savez("two.npz", a=x, b=x)
    Path("cells.h5ad").write_bytes(b"")
    Path("bad.npz").write_bytes(b"PK")
    frame(x).assign(kind="t").to_csv("x.csv", index=False)
    for settings, message in (
        ({"path": "y.npy"}, "there is no file y.npy: did you mean 'x.npy'"),
        ({"path": "no/x.npy"}, "there is no folder no"),
        ({"path": "two.npz"}, "two.npz holds a, b: name the array of counts 'counts'"),
        ({"path": "cells.h5ad"}, r"scipy.sparse.save_npz\('counts.npz', adata.X\)"),
        ({"path": "bad.npz"}, "bad.npz cannot be read"),
        ({"path": "x.csv"}, "no numbers in the column 'kind': data.label=kind makes it"),
        ({"path": "x.csv", "label": "kin"}, "x.csv has no column 'kin': did you mean 'kind'"),
        ({"path": "x.npy", "label": "kind"}, "data.label: there is no file kind"),
        ({"path": "x.npy", "label": "x.npy"}, "give a .npy file of one value per row"),
    ):
        with pytest.raises(UserError, match=message) as refused:
            counts("c", **settings)
        assert re.search(r"^[^\n]+$", str(refused.value))
