"""The encodings of arguments in the markups: one file per encoding, each read as it streams."""
