"""A loss of one's own that JAX has traced: the equations of its jaxpr, read with the primitives that NumPy's texts are read with.

`door` is the only file here that knows JAX; `read` is what a loss calls; an equation is a line of `rules.RULES`.
"""
