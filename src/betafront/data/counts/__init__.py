"""Tables of counts, most of which are 0: kept without their zeros, and made whole batch by batch."""
