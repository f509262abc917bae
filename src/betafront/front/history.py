"""How the front grew as trials finished."""

from collections.abc import Mapping, Sequence

import pandas as pd

from betafront.front.front import front, hypervolume


def hypervolumes(
    table: pd.DataFrame, objectives: Mapping[str, str], reference: Sequence[float]
) -> pd.DataFrame:
    """The hypervolume after each trial, in order of finishing."""
    ordered = table.sort_values("finished", ignore_index=True)
    members = ordered.iloc[:0]
    rows = []
    for i in range(len(ordered)):
        members = front(pd.concat([members, ordered.iloc[[i]]]), objectives)
        volume = hypervolume(members, objectives, reference)
        rows.append((ordered.at[i, "trial"], ordered.at[i, "finished"], volume, len(members)))
    return pd.DataFrame(rows, columns=["trial", "finished", "hypervolume", "front_size"])
