"""The nodes of a configuration that decide, with `seed`, what a run computes."""

PARTS = (
    "data",
    "model",
    "likelihood",
    "normalisation",
    "schedule",
    "shaping",
    "controller",
    "penalty",
    "optimizer",
    "trainer",
    "metrics",
    "objective",
)
