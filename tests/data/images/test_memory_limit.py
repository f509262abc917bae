"""How much memory a process may have."""

import resource

import pytest

from betafront.data.images.memory_limit import memory


def test_the_least_of_the_limits_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = {resource.RLIMIT_AS: resource.RLIM_INFINITY, resource.RLIMIT_DATA: 3000}
    monkeypatch.setattr(resource, "getrlimit", lambda of: (limits[of], resource.RLIM_INFINITY))
    assert memory() == 3000
    limits[resource.RLIMIT_AS] = 2000
    assert memory() == 2000
    limits |= dict.fromkeys(limits, resource.RLIM_INFINITY)
    assert memory() > 10**8
