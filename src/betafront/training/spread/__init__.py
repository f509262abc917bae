"""The scale of a Gaussian or Laplace outside of training: its start, and its calibration."""
