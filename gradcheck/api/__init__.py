"""What Python code calls: the verbs of the command line as functions, which take whatever names or is a target.

The package `gradcheck` offers them under its own name, each when it is first used.
"""
