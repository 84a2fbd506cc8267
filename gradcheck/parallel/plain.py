"""What one rank computes without PyTorch: a function of NumPy arrays that returns its gradients, and makes its own connections."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck.law import CrossEntropy
from gradcheck.parallel.forms import RETURNED, Form, collected
from gradcheck.problem import Array


@dataclass(frozen=True)
class Plain:
    """A function `loss(theta, b, X, y)` which returns a loss, or a mapping with gradients: whatever NumPy takes for an array."""

    form: Form

    def __call__(self, given: Mapping[str, Array], said: Mapping[str, Any], law: CrossEntropy) -> dict[str, Array]:
        """The results of all pieces."""
        options = self.form.options(said, law, given["theta"].dtype)
        found = collected(self._piece(given, k, options) for k in range(said["pieces"]))
        return {name: np.asarray(value) for name, value in found.items()}

    def _piece(self, given: Mapping[str, Array], k: int, options: dict[str, Any]) -> dict[str, Any]:
        handed = (given[name].copy() for name in ("theta", "b", f"X{k}", f"Y{k}"))
        found = self.form.function(*handed, **options)
        results = found if isinstance(found, Mapping) else {"loss": found}
        return {name: np.array(results[name]) for name in RETURNED if results.get(name) is not None}
