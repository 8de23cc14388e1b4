"""Trained models at work: predictions and what to look at in them."""
