"""Hydra's way to betafront; the logic is in `betafront.study`."""
