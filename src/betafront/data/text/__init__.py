"""Sentences: text of the user's own, and a language whose entropy is known."""
