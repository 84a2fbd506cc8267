"""`cut-cross-entropy`: Apple's linear cross-entropy in Triton's interpreter, without its filter of small gradients, with ignore_index.

Sixteen bits alone are what its backward pass takes, and its softcap is declared a fault of it: see docs/findings.md.
"""
