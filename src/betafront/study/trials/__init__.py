"""The trials of a study: their states, the queue, claims and leases."""
