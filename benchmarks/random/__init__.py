"""Random primitives and programs, and the frameworks that run them."""
