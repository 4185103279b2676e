"""A family's markup, written: calls as text, and what an engine's grammar has to allow."""
