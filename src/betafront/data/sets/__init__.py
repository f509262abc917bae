"""Data sets by their names: embedded, drawn, or published."""
