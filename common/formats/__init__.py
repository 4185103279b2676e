"""One file per model family: the markup of its calls as a value."""
