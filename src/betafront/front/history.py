"""The growth of a study's front, trial by trial in order of finishing."""

from collections.abc import Mapping, Sequence

import moocore
import numpy as np
import pandas as pd

from betafront.front.front import maximised


def hypervolumes(
    table: pd.DataFrame, objectives: Mapping[str, str], reference: Sequence[float]
) -> pd.DataFrame:
    """The hypervolume and the number of trials on the front when each trial finished.

    From one trial to the next only the members of the front are kept, and the hypervolume is
    computed again only where a trial joins them. All points of a trial join at once.

    Args:
        table: points of finished trials.
        objectives: metric to direction, in order.
        reference: one number per objective.

    Returns:
        `trial`, `finished` (Unix seconds), `hypervolume` and `front_size`, in order of finishing:
        those of `betafront.front.hypervolume` and `front` for the trials up to each.
    """
    known, grown = ["trial", "finished"], ["hypervolume", "front_size"]
    if table.empty:
        return pd.DataFrame(columns=[*known, *grown])
    ordered = table.sort_values(known[::-1], ignore_index=True)
    last = ~ordered.duplicated("trial", keep="last")  # of the points of each trial
    signs = np.where(maximised(objectives), -1.0, 1.0)  # less is better from here on
    values = ordered[list(objectives)].to_numpy(float) * signs
    worst = np.asarray(reference, float) * signs
    kept, volume, found = values[:0], 0.0, []
    for value in values:
        if not np.any(np.all(kept <= value, 1) & np.any(kept < value, 1)):
            beaten = np.all(value <= kept, 1) & np.any(value < kept, 1)
            kept = np.vstack([kept[~beaten], value])
            volume = float(moocore.hypervolume(kept, ref=worst))
        found.append((volume, len(kept)))
    every = pd.concat([ordered[known], pd.DataFrame(found, columns=grown)], axis=1)
    return every[last].reset_index(drop=True)
