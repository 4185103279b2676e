"""What the adapters of the engines share: the boundary that no exception of ours passes, and the self-check."""
