"""The search space, and how points are drawn from it."""
