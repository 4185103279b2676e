"""The shapes of markup around calls: a reader for each, which a family fills in."""
