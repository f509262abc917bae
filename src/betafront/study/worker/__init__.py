"""One worker: trials claimed, trained and told."""
