"""The commands of ``jupyter bookstore``, those that belong together in a module."""
