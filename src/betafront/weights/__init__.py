"""`betafront weights`: what a KL weight means, from its convention or from the loss itself."""
