"""Cached readers of what is on disk."""
