"""Tables of named columns as data, and the scale of each column."""
