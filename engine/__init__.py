"""Lesson 3 Lab's engine: the lesson's four tasks as plain PyTorch, from Python and from the command line.

Nothing is imported here, so that `import engine` costs nothing: torch is loaded by the modules that train or predict.
"""
