"""Code that the adapters of the engines share: a guard against our own exceptions, and the self-check."""
