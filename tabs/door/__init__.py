"""Who comes in, and with what."""
