"""A study in the terminal and as a page."""
