"""Arrays of examples: which kind they are of, and how they become numbers for a model."""
