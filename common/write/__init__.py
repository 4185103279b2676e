"""Writes a family's markup: calls as text, and the grammar that an engine has to allow."""
