"""Arrays of the user's as data: written to a file below the runs folder, so that any process can
read them, and a trial can be run again."""

from hashlib import sha256
from typing import Any

import numpy as np

from betafront.addresses import runs_folder
from betafront.files import opened_whole


def is_array(value: Any) -> bool:
    """Whether it is an array or a tensor of examples."""
    return isinstance(value, np.ndarray) or (
        type(value).__module__.partition(".")[0] == "torch" and hasattr(value, "detach")
    )


def words_of_array(array: Any) -> list[str]:
    """The words that choose an array of (n, …) examples as data. It is written into `arrays/` below
    the runs folder, once for each content.

    Args:
        array: NumPy's, or a tensor.
    """
    from betafront.front.decision.commands import as_written

    plain = np.asarray(array.detach().cpu() if hasattr(array, "detach") else array)
    digest = sha256(f"{plain.dtype} {plain.shape}".encode() + plain.tobytes()).hexdigest()[:16]
    path = runs_folder() / "arrays" / f"{digest}.npy"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        with opened_whole(path) as sink:
            np.save(sink, plain, allow_pickle=False)
    return ["data=tensor", f"data.path={as_written(str(path))}", "data.name=array"]
