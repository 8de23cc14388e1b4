"""A person's own data: in which ways it may be read, and how it is kept as a data set like the others."""
