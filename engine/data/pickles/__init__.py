"""The two pickles that are read, without running anything in them."""
