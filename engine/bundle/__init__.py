"""The format of a model bundle, whole: its files, config, figures and weights."""
