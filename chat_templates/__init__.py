"""Chat templates shipped with the parsers, as package data."""
