"""One file a model family: the markup of its calls as a value."""
