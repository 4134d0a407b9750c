"""Serve pages, and define what all handlers share."""
