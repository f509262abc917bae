"""Tables of counts, most of which are 0: kept without the zeros, and dense batch by batch."""
