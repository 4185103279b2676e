"""How calls are framed: a reader for each shape, which a family fills in."""
