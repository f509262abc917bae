"""The decision: which β, how sure, and what it costs."""
