"""flashinfer-bench: an evaluator for the registry, which is a list of classes.

registry._EVALUATORS.append(flashinfer.evaluator({"softmax": ops.softmax}, base=DefaultEvaluator, right=…, wrong=…))
"""

from collections.abc import Callable, Mapping
from typing import Any

from gradcheck.benches.described import Answers, Described, answers, kept, outputs
from gradcheck.errors import raised


def _called(solution: Any, given: Any, reference: Any) -> Any:
    """What a solution returns of its inputs, or writes: where nothing is written, NaN is left, and nothing of a reference."""
    if not getattr(getattr(solution, "metadata", None), "destination_passing_style", False):
        return solution(*given)
    written = [one.clone().fill_(float("nan") if one.is_floating_point() else 0) for one in outputs(reference)]
    solution(*given, *written)
    return written


def evaluator(
    described: Mapping[str, Described],
    *,
    base: type = object,
    right: Callable[[list[Answers]], Any] = lambda found: found,
    wrong: Callable[..., Any] = lambda said, **where: said,
    **declared: Any,
) -> type:
    """A class that evaluates the operators of these types, by what they compute of their inputs in order.

    `right` makes their record of correctness of what was found; `wrong` their record of a failure, of what is said and where.
    """

    class Explained(base):  # type: ignore[misc]
        """Whether rounding explains what a solution returns, or writes."""

        @classmethod
        def can_evaluate(cls, definition: Any) -> bool:
            return getattr(definition, "op_type", None) in described

        @classmethod
        def check_correctness(  # noqa: PLR0917 - as theirs is called
            cls, definition: Any, sol_runnable: Any, inputs: Any, ref_outputs: Any, cfg: Any, log_path: str, device: str
        ) -> tuple[Any, Any]:
            found, where = list[Answers](), {"device": device, "log_path": log_path}
            for given, reference in zip(inputs, ref_outputs, strict=True):
                before = kept(given)
                try:
                    returned = _called(sol_runnable, given, reference)
                except Exception as broken:
                    return None, wrong(raised(broken), **where)
                found.append(answers(described[definition.op_type], before, returned, **declared))
                if not found[-1]:
                    return None, wrong(str(found[-1]), **where)
            nothing = "no inputs are given, and nothing was judged"
            return (right(found), None) if found else (None, wrong(nothing, **where))

    return Explained
