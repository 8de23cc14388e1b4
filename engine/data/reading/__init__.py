"""One reader each: for texts, tables and lists. Outside of this folder nobody opens such a file of a data set."""
