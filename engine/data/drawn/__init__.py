"""Data that programs draw, for where there is no network."""
