"""robust-kbench: outputs, and gradients in the place of `check_gradients_close`.

judge = robust_kbench.checks(lambda z, y: ops.cross_entropy(z, y), wrt=("Z",))
judge.outputs(output, inputs); judge.gradients(grads, inputs)
"""

from dataclasses import dataclass, field
from typing import Any

from gradcheck.benches.described import Answers, Described, answers, outputs
from gradcheck.ops.description import Op


@dataclass(frozen=True)
class Checks:
    """Of one task: what it computes, and what its gradients, in their order, are with respect to."""

    described: Described
    wrt: tuple[str, ...] = ()
    declared: dict[str, Any] = field(default_factory=dict)

    def outputs(self, output: Any, inputs: Any) -> Answers:
        """The value."""
        return answers(self.described, inputs, output, **self.declared)

    def gradients(self, grads: Any, inputs: Any, reference: Any = None) -> Answers:
        """Gradients of it; those of integer inputs, which are None, are left out."""
        given = [one for one in outputs(grads) if one is not None]

        def all_of(*arguments: Any) -> list[tuple[Op, str]]:
            op = self.described(*arguments)
            return [(op, name) for name in self.wrt]

        return answers(all_of, inputs, given, **self.declared)


def checks(described: Described, wrt: tuple[str, ...] = (), **declared: Any) -> Checks:
    """The two checks of a task."""
    return Checks(described, tuple(wrt), declared)
