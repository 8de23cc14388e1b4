"""Model bundles: saved, opened, and handed on."""
