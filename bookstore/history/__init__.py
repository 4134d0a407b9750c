"""Look up versions: those of one notebook, and the newest of all notebooks."""
