"""Data sets: where they come from, how they are opened, turned and batched."""
