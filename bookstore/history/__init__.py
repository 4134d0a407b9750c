"""The way back: the versions of one notebook, and the list of notebooks."""
