"""Runs: a folder each, a process of its own that trains, a queue, and what the screen shows."""
