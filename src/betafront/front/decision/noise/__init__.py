"""The noise of trials, from replicates or from their scatter, and what it leaves open of β."""
