"""The loop, the LR finder, and what they are made of."""
