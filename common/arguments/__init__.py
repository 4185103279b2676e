"""How arguments are encoded in the markups: one file an encoding, each read as it streams."""
