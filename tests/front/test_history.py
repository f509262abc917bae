import numpy as np
import pandas as pd
import pytest

from betafront.front import front, hypervolume, hypervolumes

OBJECTIVES = {"a": "minimize", "b": "maximize", "c": "minimize"}
REFERENCE = {"a": 0.8, "b": 0.2, "c": 0.9}


@pytest.mark.parametrize("names", ["ab", "abc"])
def test_each_prefix_has_what_it_has_alone(names: str) -> None:
    objectives = {name: OBJECTIVES[name] for name in names}
    reference = [REFERENCE[name] for name in names]
    random = np.random.default_rng(0)
    table = pd.DataFrame(random.integers(0, 12, (80, len(names))) / 11, columns=list(names))
    table.insert(0, "trial", range(80))
    table["finished"] = random.permutation(80) // 2  # two at a time, the trial's number decides
    found = hypervolumes(table, objectives, reference)
    order = table.sort_values(["finished", "trial"], ignore_index=True)
    assert found["trial"].tolist() == order["trial"].tolist()
    for n in range(1, 81):
        prefix = order[:n]
        assert found["front_size"][n - 1] == len(front(prefix, objectives))
        assert found["hypervolume"][n - 1] == pytest.approx(
            hypervolume(prefix, objectives, reference), abs=1e-12
        )
    assert found["hypervolume"].is_monotonic_increasing
    assert found["hypervolume"].nunique() > 5


def test_of_nothing_there_is_no_history() -> None:
    nothing = pd.DataFrame(columns=["trial", "finished", "a", "b"])
    assert hypervolumes(nothing, {"a": "minimize", "b": "minimize"}, [1, 1]).empty
