"""Lightning, which trains a run: nothing outside of this folder imports it."""
