"""Where data sets come from: the table of them, fetching, archives, Kaggle, a mirror."""
