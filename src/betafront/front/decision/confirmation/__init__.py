"""Whether a decision is confirmed: the verdict of further runs, and whether it still holds."""
