"""The scout of a study: one run of a model conditioned on β, before the first trial."""
