"""A task's steps, one panel a file."""
