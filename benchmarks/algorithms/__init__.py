"""Correct implementations of the model, each of other algorithms: none may exceed the bounds that docs/bounds.md grants it."""

from benchmarks.algorithms.combine import ALGORITHMS, Algorithm, implementations

__all__ = ["ALGORITHMS", "Algorithm", "implementations"]
