"""Tables: read, standardised with their scale kept, and refused in one line where they are none."""

import json
import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from betafront.data import SPLITS, data_cautions, table
from betafront.data.tables.tabular import LOG_SCALE, TablePreparation, Tabular
from betafront.errors import UserError
from betafront.objective import Gaussian
from betafront.trained import preparation
from betafront.training import Run
from betafront.training.fitting import fit_one

N = 60


@pytest.fixture
def frame() -> pd.DataFrame:
    random = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "age": random.integers(20, 80, N),
            "income": 1e6 + 1e5 * random.normal(size=N),
            "smokes": random.random(N) > 0.5,
            "weight": 70 + 0.01 * random.normal(size=N),
            "group": np.resize(["b", "a", "c"], N),
        }
    )


def written(frame: pd.DataFrame, path: Path) -> str:
    if path.suffix == ".parquet":
        frame.to_parquet(path)
    else:
        frame.to_csv(path, index=False, sep="\t" if path.suffix == ".tsv" else ",")
    return str(path)


def every(data: Tabular) -> torch.Tensor:
    return torch.cat([data.examples(split) for split in SPLITS])


def refusal(path: str | None, **settings: Any) -> str:
    with pytest.raises(UserError) as refused:
        table("mine", path, **settings)
    assert "\n" not in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.parquet", "a.csv.gz"])
def test_every_form_holds_the_same(frame: pd.DataFrame, tmp_path: Path, name: str) -> None:
    data = table("mine", written(frame, tmp_path / name), label="group")
    assert data.columns == ("age", "income", "smokes", "weight")
    assert data.shape == (4,)
    assert data.train.mean(0).abs().max() < 1e-5
    assert (data.train.std(0, correction=0) - 1).abs().max() < 1e-5
    back = data.preparation.back(every(data))
    given = frame[list(data.columns)].to_numpy(np.float64)
    order = given[:, 1].argsort()
    assert np.allclose(back[back[:, 1].argsort()].numpy(), given[order], rtol=1e-7, atol=1e-6)


def test_labels_go_with_their_rows(frame: pd.DataFrame, tmp_path: Path) -> None:
    frame["code"] = np.resize([2.0, 1.0, 3.0], N)  # b, a, c
    data = table("mine", written(frame, tmp_path / "a.csv"), label="group")
    assert data.factors is not None
    assert (data.factors.names, data.factors.sizes) == (("group",), (3,))
    code = list(data.columns).index("code")
    for split in SPLITS:
        values = data.preparation.back(data.examples(split))[:, code]
        known = data.known(split)
        assert known is not None
        assert torch.equal(known.values[:, 0] + 1, values.round().long())
    two = table("mine", str(tmp_path / "a.csv"), label=["group", "smokes"])
    assert two.factors is not None
    assert two.factors.sizes == (3, 2)
    assert "smokes" not in two.columns


def test_columns_are_chosen_in_the_order_in_which_they_are_named(
    frame: pd.DataFrame, tmp_path: Path
) -> None:
    path = written(frame, tmp_path / "a.csv")
    assert table("mine", path, columns=["weight", "age"]).columns == ("weight", "age")
    assert table("mine", path, exclude=["group", "age"]).columns == ("income", "smokes", "weight")


def test_the_scale_is_that_of_the_training_split_and_d_is_in_the_users_units(
    frame: pd.DataFrame, tmp_path: Path, make_run: Callable[..., Run]
) -> None:
    """log p(u) = log p(x) - Σ log s, with u = m + s x: by the density of a Gaussian in u itself."""
    data = table("mine", written(frame, tmp_path / "a.csv"), label="group")
    x = data.examples("val").double()
    normal = torch.distributions.Normal(
        torch.tensor(data.mean, dtype=torch.float64), torch.tensor(data.scale, dtype=torch.float64)
    )
    in_units = normal.log_prob(data.preparation.back(x)).sum(1)
    standardised = Gaussian(sigma=1.0, mode="fixed").log_prob(torch.zeros_like(x), x)
    assert torch.allclose(in_units, standardised - data.log_volume, atol=1e-9)
    assert data.log_volume == pytest.approx(sum(math.log(s) for s in data.scale))

    fixed = partial(Gaussian, sigma=1.0, mode="fixed")
    result = fit_one(make_run(data=data, steps=2, likelihood=fixed), tmp_path / "run")
    assert result.data[LOG_SCALE] == data.log_volume
    less = result.metrics["val/distortion"] - data.log_volume
    assert less == pytest.approx(
        data.dims / 2 * (math.log(2 * math.pi) + result.metrics["val/mse"]), rel=1e-5
    )


def test_columns_that_are_not_standardised_stay_as_they_are(
    frame: pd.DataFrame, tmp_path: Path
) -> None:
    frame["none"] = 0
    path = written(frame, tmp_path / "a.csv")
    data = table("mine", path, columns=["age", "none"], standardise=False)
    assert sorted(every(data)[:, 0].tolist()) == sorted(frame["age"])
    assert data.columns == ("age", "none")
    assert (data.log_volume, data.note) == (0, "")
    assert LOG_SCALE not in data.about


def test_constant_columns_are_left_out_and_named(frame: pd.DataFrame, tmp_path: Path) -> None:
    frame["none"] = 0.1
    data = table("mine", written(frame, tmp_path / "a.csv"), label="group")
    assert "none" not in data.columns
    (said,) = [line for line in data_cautions(data) if "standardised" in line]
    assert said.startswith("Constant in the training split, and left out: none. 4 columns are")
    assert f"{data.log_volume:+.4g} nats per example, Σ ln s" in said
    assert "every column is constant" in refusal(str(tmp_path / "a.csv"), columns=["none"])


@pytest.mark.parametrize(
    ("name", "shape", "classes"),
    [("breast_cancer", 30, 2), ("wine", 13, 3), ("iris", 4, 3), ("diabetes", 11, None)],
)
def test_measured_tables_are_there_by_name(name: str, shape: int, classes: int | None) -> None:
    data = table(name, set=name)
    assert data.shape == (shape,)
    assert (data.factors.sizes if data.factors else None) == ((classes,) if classes else None)


def test_new_rows_are_in_the_users_units(frame: pd.DataFrame, tmp_path: Path) -> None:
    data = table("mine", written(frame, tmp_path / "a.csv"), label="group")
    kept = json.loads(json.dumps(data.preparation.as_json()))
    prepare = preparation({"preparation": kept})
    assert isinstance(prepare, TablePreparation)
    assert prepare == data.preparation
    rows = frame[list(data.columns)].astype(float).to_numpy()[:5]
    x = prepare(rows)
    assert x.dtype == torch.float32
    assert prepare(frame[:5]).equal(x)  # whatever else the table has, and in whatever order
    assert np.allclose(prepare.back(x).numpy(), rows, rtol=1e-7, atol=1e-6)
    with pytest.raises(UserError, match="these rows lack income, weight"):
        prepare(frame[["age", "smokes"]])
    with pytest.raises(UserError, match=r"the shape \(4,\), and these are \(3,\)"):
        prepare(rows[:, :3])


def test_a_text_column_is_named_with_the_way_out(frame: pd.DataFrame, tmp_path: Path) -> None:
    frame["town"] = "Ulm"
    said = refusal(written(frame, tmp_path / "a.csv"))
    assert "has no numbers in columns group, town (as 'b' in group)" in said
    assert "data.exclude=[group,town] leaves them out, data.label=group makes one" in said


def test_missing_values_are_named_with_the_way_out(frame: pd.DataFrame, tmp_path: Path) -> None:
    frame.loc[[3, 7], "age"] = np.nan
    frame.loc[7, "weight"] = np.nan
    path = written(frame, tmp_path / "a.csv")
    said = refusal(path, label="group")
    assert "missing values in 2 of 60 rows, in columns age (2), weight (1)" in said
    assert "data.drop_missing=true" in said
    assert table("mine", path, exclude=["age", "weight", "group"]).dims == 2
    dropped = table("mine", path, label="group", drop_missing=True)
    assert len(every(dropped)) == 58
    assert dropped.note.startswith("2 rows with missing values are left out.")


def test_a_first_line_of_numbers_is_asked_about(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    np.savetxt(path, np.random.default_rng(0).random((N, 3)), delimiter=";")
    assert "data.header=false if it has none" in refusal(str(path))
    assert table("mine", str(path), header=False).columns == ("column_0", "column_1", "column_2")
    assert len(every(table("mine", str(path), header=False))) == N
    assert len(every(table("mine", str(path), header=True))) == N - 1


def test_the_numbers_of_rows_are_no_data(frame: pd.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    frame.to_csv(path, encoding="utf-8-sig")
    data = table("mine", str(path), label="group")
    assert data.columns == ("age", "income", "smokes", "weight")
    assert data.note.startswith("The first column has no name, and is left out")
    asked = table("mine", str(path), columns=["Unnamed: 0", "age"])
    assert asked.columns == ("Unnamed: 0", "age")


@pytest.mark.parametrize(
    ("path", "settings", "says"),
    [
        (None, {}, "needs either data.path=FILE"),
        ("a.csv", {"set": "wine"}, "needs either data.path=FILE"),
        (None, {"set": "wines"}, "data.set: there is no table 'wines': did you mean 'wine'?"),
        ("wine", {}, "scikit-learn's table of that name is data.set=wine"),
        ("b.csv", {}, "did you mean 'a.csv'?"),
        ("a.npy", {}, "is no table that is read here"),
        ("empty.csv", {}, "empty.csv is empty"),
        ("names.csv", {}, "names.csv has names of columns, and no row"),
        ("commas.csv", {}, "save them as numbers, with decimal points"),
        ("twice.csv", {}, "the first line of twice.csv has numbers"),
        ("bad.parquet", {}, "bad.parquet cannot be read"),
        ("a.csv", {"columns": ["ago"]}, "data.columns: there is no column 'ago': did you mean"),
        ("a.csv", {"label": "team"}, "data.label: there is no column 'team': known: age, income"),
        ("a.csv", {"columns": ["age"], "label": "age"}, "leave no column of the table"),
        ("a.csv", {"columns": ["endless"]}, "has infinity in column endless"),
        (3, {}, "data.path is the path of one file, not 3"),
    ],
)
def test_what_is_no_table_is_refused(
    frame: pd.DataFrame,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    path: Any,
    settings: dict[str, Any],
    says: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    frame["endless"] = np.inf
    written(frame, tmp_path / "a.csv")
    for name in ("a.npy", "bad.parquet"):
        (tmp_path / name).write_bytes(b"nothing of the kind")
    (tmp_path / "empty.csv").touch()
    (tmp_path / "names.csv").write_text("a,b\n")
    (tmp_path / "commas.csv").write_text("a;b\n1,5;2\n2,5;3\n")
    (tmp_path / "twice.csv").write_text("x,1.5,1.5\ny,1.5,2.5\n")
    assert says in refusal(path, **settings)
