"""`betafront weights`: the translator of conventions and the audit of a loss."""
