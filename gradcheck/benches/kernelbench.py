"""KernelBench: in the place of `torch.allclose` in `run_and_check_correctness`.

correctness_fn = kernelbench.correctness_fn(lambda x: ops.softmax(x), inner="float32")
correctness_fn(output, output_new, inputs, precision)      # true where rounding explains output_new
"""

from collections.abc import Callable
from typing import Any

from gradcheck.benches.described import Answers, Described, answers


def correctness_fn(described: Described, **declared: Any) -> Callable[..., Answers]:
    """Of what a problem computes of its inputs. The output of the reference is not looked at: the truth is known."""

    def correct(output: Any, output_new: Any, inputs: Any, precision: Any = None) -> Answers:
        return answers(described, inputs, output_new, **declared)

    return correct
