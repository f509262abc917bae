"""Configurations composed, and the parts that they name."""
