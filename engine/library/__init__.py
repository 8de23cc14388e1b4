"""Models on this machine: found, opened, exported, described, deleted."""
