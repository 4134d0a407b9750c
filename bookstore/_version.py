"""Define the release, in this place only."""

__version__ = "3.0.0.dev0"
