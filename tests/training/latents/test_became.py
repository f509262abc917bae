"""What became of the latents of a run, in words: a small history that is known for each wording."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from betafront.training.folder import RunFolder
from betafront.training.latents.became import said_of, what_became
from betafront.training.latents.history import LatentHistory
from betafront.training.latents.units import MOST

ACTIVE = " (active: the variance of its posterior mean over the validation split exceeds 0.01)"


def history(
    variance: Sequence[Sequence[float]],
    rate: Sequence[float] | Sequence[Sequence[float]],
    beta: Sequence[float] | float = 1.0,
    widths: Sequence[int] = (),
) -> LatentHistory:
    """Validations every ten steps, a row for each; the variances are those of the latents."""
    rows = np.array(variance, dtype=np.float32)
    own = tuple(widths) or (rows.shape[1],)
    ends = np.cumsum(own)[:-1]
    active = np.stack([part.sum(1) for part in np.split(rows > 0.01, ends, axis=1)], 1)
    return LatentHistory(
        step=np.arange(1, len(rows) + 1) * 10,
        beta=np.broadcast_to(np.asarray(beta, dtype=float), len(rows)),
        kl=rows,
        variance=rows,
        rate=np.asarray(rate, dtype=float).reshape(len(rows), -1),
        active=active,
        widths=np.array(own),
        positions=1,
        threshold=0.01,
    )


ON, OFF = 0.9, 0.002
KNOWN = {
    "all active": (
        history([[ON, ON]] * 3, [5.0, 6.0, 7.0]),
        "not collapsed: 2 of 2 latents active at step 30, R = 7 nats",
        "active at each of 3 validations: 2 of 2 latents",
    ),
    "from the start": (
        history([[0.0, 0.0]] * 3, [0.0] * 3),
        "collapsed from the start: R was below 0.05 nats at each of 3 validations",
        "none of 2 latents was active at any validation",
    ),
    "never": (
        history([[ON, OFF, OFF]] * 2, [5.0, 5.0]),
        "partly collapsed: 1 of 3 latents active at step 20, R = 5 nats",
        "never active: z2, z3; active at each of 2 validations: 1 of 3 latents",
    ),
    "died as β rose": (
        history([[ON, ON], [ON, ON], [ON, OFF]], [5.0, 4.0, 3.0], [0.1, 0.25, 0.5]),
        "partly collapsed: 1 of 2 latents active at step 30 (2 at step 10), R = 3 nats",
        "died: z2 between steps 20 and 30 (β = 0.25 to 0.5); active at each of 3 validations: 1 of "
        "2 latents",
    ),
    "woke up": (
        history([[OFF], [ON], [ON]], [0.01, 2.0, 3.0]),
        "not collapsed: 1 of 1 latents active at step 30, R = 3 nats",
        "woke up: z1 between steps 10 and 20 (β = 1)",
    ),
    "woke up again, and died for good": (
        history([[ON, OFF], [OFF, ON], [ON, OFF]], [2.0] * 3),
        "partly collapsed: 1 of 2 latents active at step 30, R = 2 nats",
        "died: z2 between steps 20 and 30 (β = 1); woke up: z1 between steps 20 and 30 (β = 1)",
    ),
    "collapsed in the end": (
        history([[ON, ON], [ON, OFF], [OFF, OFF], [OFF, OFF]], [8.0, 3.0, 0.04, 0.0], [0, 1, 2, 2]),
        "collapsed between steps 20 and 30 (β = 1 to 2): R is below 0.05 nats from there on, and "
        "had been up to 8",
        "died: z2 between steps 10 and 20 (β = 0 to 1), z1 between steps 20 and 30 (β = 1 to 2)",
    ),
    "a posterior that is no prior and says nothing": (
        history([[OFF]] * 2, [1.5, 1.5]),
        "0 of 1 latents active at step 20, and yet R = 1.5 nats",
        "none of 1 latents was active at any validation",
    ),
    "hardly any rate": (
        history([[0.011, OFF]], [0.03]),
        "collapsed from the start: R was below 0.05 nats at the only validation, with 1 of 2 "
        "latents active at step 10",
        "never active: z2; active at the only validation: 1 of 2 latents",
    ),
    "no β, as of a capacity": (
        history([[ON, ON], [ON, OFF]], [5.0, 4.0], float("nan")),
        "partly collapsed: 1 of 2 latents active at step 20 (2 at step 10), R = 4 nats",
        "died: z2 between steps 10 and 20; active at each of 2 validations: 1 of 2 latents",
    ),
    "many": (
        history([[ON] * 9, [ON] * 9, [OFF] * 9], [5.0, 5.0, 0.0]),
        "collapsed between steps 20 and 30 (β = 1): R is below 0.05 nats from there on, and had "
        "been up to 5",
        "died: z1, z2, z3, z4, z5, z6 and 3 more between steps 20 and 30 (β = 1)",
    ),
    "one after another": (
        history([[ON] * (6 - row) + [OFF] * row for row in range(6)], [5.0] * 6),
        "partly collapsed: 1 of 6 latents active at step 60 (6 at step 10), R = 5 nats",
        "died: z6 between steps 10 and 20 (β = 1), z5 between steps 20 and 30 (β = 1), z4 between "
        "steps 30 and 40 (β = 1), and 2 more, the last between steps 50 and 60 (β = 1); active at "
        "each of 6 validations: 1 of 6 latents",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", KNOWN)
def test_what_became_of_known_latents(name: str) -> None:
    found, whole, latents = KNOWN[name]
    assert what_became(found) == [whole, latents + ACTIVE]


def test_layers_are_told_apart() -> None:
    rate = [[4.0, 0.5], [5.0, 0.01]]
    found = history([[ON, ON, ON], [ON, OFF, OFF]], rate, widths=(2, 1))
    whole, layers, latents = what_became(found)
    assert whole == (
        "partly collapsed: 1 of 3 latents active at step 20 (3 at step 10), R = 5.01 nats"
    )
    assert layers == (
        "layer 1: partly collapsed: 1 of 2 latents active at step 20 (2 at step 10), R = 5 nats; "
        "layer 2: collapsed between steps 10 and 20 (β = 1): R is below 0.05 nats from there on, "
        "and had been up to 0.5"
    )
    died = "z2 of layer 1, z1 of layer 2 between steps 10 and 20 (β = 1)"
    assert latents == (
        f"died: {died}; active at each of 2 validations: 1 of 3 latents (active: its mean KL in "
        "nats over the validation split exceeds 0.01)"
    )


def test_of_a_record_that_begins_late_nothing_is_said_of_the_start() -> None:
    found = replace(history([[ON, OFF]] * 2, [2.0, 2.0]), missing=3)
    assert what_became(found)[1].startswith("at no recorded validation active: z2; active at each ")
    found = replace(history([[OFF]] * 2, [0.0, 0.0]), missing=3)
    whole, latents = what_became(found)
    assert "start" not in whole and "at each of 2 recorded validations" in whole
    assert latents.startswith("none of 1 latents was active at any recorded validation")


def test_channels_are_called_so() -> None:
    found = history([[ON, OFF]] * 2, [2.0, 2.0])
    found = replace(found, widths=np.array([8]), positions=4, active=np.array([[3], [3]]))
    whole, channels = what_became(found)
    assert whole == "partly collapsed: 3 of 8 latents active at step 20, R = 2 nats"
    assert channels == (
        "never active: channel 2; active at each of 2 validations: 1 of 2 channels (active: the "
        "variance of the posterior mean at one of its positions over the validation split exceeds "
        "0.01)"
    )


def test_of_a_code_with_more_latents_than_are_kept_it_says_so() -> None:
    found = history([[ON] * MOST], [9.0])
    found = replace(found, widths=np.array([MOST + 1]), active=np.array([[MOST]]))
    whole, latents = what_became(found)
    assert whole.startswith(f"partly collapsed: {MOST} of {MOST + 1} latents")
    assert latents.startswith(f"of the first {MOST:,} latents active at the only validation")


def test_a_run_that_recorded_nothing_or_whose_file_is_damaged_has_no_words(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert said_of(tmp_path) == []
    assert not caplog.records
    found = KNOWN["died as β rose"][0]
    found.save(tmp_path)
    assert said_of(tmp_path) == what_became(found)
    RunFolder(tmp_path).latent_history.write_bytes(b"PK")
    assert said_of(tmp_path) == []
    assert "latent_history.npz is left out" in caplog.text
