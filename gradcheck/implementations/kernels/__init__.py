"""Kernels that are written for a GPU, judged where there is none: run by the interpreter of the language that they are written in.

`words` says how a kernel is named and called, `made` makes an implementation of it; each interpreter has a file of its own, the
only door to its package.
"""
