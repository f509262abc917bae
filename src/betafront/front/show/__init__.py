"""A front shown: in the terminal, as a picture, as a page."""
