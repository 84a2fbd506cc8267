"""Losses that people write, as specifications, beside correct gradients of each by torch and by JAX."""
