"""flashinfer-bench: an evaluator for the registry, which is a list of classes.

Softmax = flashinfer.evaluator({"softmax": lambda logits: ops.softmax(logits)}, base=Evaluator, right=…, wrong=…)
registry.insert(0, Softmax)
"""

from collections.abc import Callable, Mapping
from typing import Any

from gradcheck.benches.described import Answers, Described, answers, kept
from gradcheck.errors import raised


def evaluator(
    described: Mapping[str, Described],
    *,
    base: type = object,
    right: Callable[[list[Answers]], Any] = lambda found: found,
    wrong: Callable[[str], Any] = str,
    **declared: Any,
) -> type:
    """A class that evaluates the operators of these types, by what they compute of their inputs by name.

    `right` makes their record of correctness of what was found, `wrong` their record of a failure of what is said of it.
    """

    class Explained(base):  # type: ignore[misc]
        """Whether rounding explains what a solution returns."""

        @classmethod
        def can_evaluate(cls, definition: Any) -> bool:
            return getattr(definition, "op_type", None) in described

        @classmethod
        def check_correctness(  # noqa: PLR0917 - as theirs is called
            cls, definition: Any, sol_runnable: Any, inputs: Any, ref_outputs: Any, cfg: Any, log_path: str, device: str
        ) -> tuple[Any, Any]:
            found: list[Answers] = []
            for given in inputs:
                before = kept(given)
                try:
                    returned = sol_runnable(**given)
                except Exception as broken:
                    return None, wrong(raised(broken))
                found.append(answers(described[definition.op_type], before, returned, **declared))
                if not found[-1]:
                    return None, wrong(str(found[-1]))
            return (right(found), None) if found else (None, wrong("no inputs are given, and nothing was judged"))

    return Explained
