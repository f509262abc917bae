"""The validations of a run: when, which step is the best, and how the run stands by them."""
