"""Runs that take their steps together, as one program."""
