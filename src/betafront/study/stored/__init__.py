"""What the storage of a study says that a command would do, and what of that is done."""
