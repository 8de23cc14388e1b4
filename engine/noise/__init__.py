"""Labels that look wrong: what a model that has not seen a sample says of its label, and what people decided about it."""
