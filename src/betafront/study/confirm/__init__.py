"""Confirming a decision: its picks and their neighbours in β, with further seeds and more steps."""
