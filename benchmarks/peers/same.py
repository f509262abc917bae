"""What is the same in all sweeps that are compared."""

WORKERS = 2  # processes
BATCH = {"digits": 64, "mnist": 128}  # examples of a step
LEAST, MOST = 0.001, 10.0  # β that is searched, on a logarithmic scale


def warm_ups(steps: int) -> list[int]:
    """Steps over which β rises linearly: none, or half of a run's."""
    return [0, steps // 2]
