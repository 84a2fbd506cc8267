"""What keeps a check from every problem of an implementation: how it was declared, and the precision. A reason, or nothing.

What is true of a declared loss is true of every loss that its problems vary: options are only added to it.
"""

from collections.abc import Callable

from gradcheck.implementations import Implementation
from gradcheck.law import CrossEntropy

Bar = Callable[[Implementation, CrossEntropy, str], str]


def rounds_nearby(implementation: Implementation, law: CrossEntropy, dtype: str) -> str:
    """Where one rounding error must hold for losses nearby: docs/bounds.md, section 8, is of means of log-sum-exps."""
    return "" if law.folds else "how a loss with a scale, a cap, a z-loss or a penalty rounds nearby is not derived"


def coarse(implementation: Implementation, law: CrossEntropy, dtype: str) -> str:
    """What is perturbed by SciPy is float64."""
    return "" if dtype == "float64" else "scipy.optimize.check_grad perturbs in float64"


def not_analytic(implementation: Implementation, law: CrossEntropy, dtype: str) -> str:
    """The complex step asks for a loss that takes complex numbers."""
    return "" if implementation.analytic else "not declared analytic"


def not_float64(implementation: Implementation, law: CrossEntropy, dtype: str) -> str:
    """And for all digits."""
    return "" if dtype == "float64" else "posed in float64 only"


def has_options(implementation: Implementation, law: CrossEntropy, dtype: str) -> str:
    """The complex step is taken of the paper's loss."""
    return "" if law.plain else "posed for the paper's loss"


COMPLEX = (not_analytic, not_float64, has_options)  # of the complex step


def named_classes(implementation: Implementation, law: CrossEntropy, dtype: str) -> str:
    """To rename such classes is another loss."""
    return "classes of different weights, or one that is ignored, cannot be renamed" if law.named else ""


def penalised(implementation: Implementation, law: CrossEntropy, dtype: str) -> str:
    """What is added to the loss of theta is not added to that of b."""
    return "a penalty tells theta from b" if law.l2 else ""


LOGISTIC = "posed for two classes and labels that sum to 1, of the paper's loss or its sum"


def not_logistic(implementation: Implementation, law: CrossEntropy, dtype: str) -> str:
    """Of two classes, what is left of the softmax is the logistic function; of the loss only what it divides by may differ."""
    return "" if law.counts_only else LOGISTIC


def penalised_weights(implementation: Implementation, law: CrossEntropy, dtype: str) -> str:
    """Logits that are posed as weights have no penalty."""
    return "a penalty is of θ, and not of the Z that is posed in its place" if law.l2 else ""


def in_copies(implementation: Implementation, law: CrossEntropy, dtype: str) -> str:
    """What cannot reach our arrays leaves them as they are."""
    return "it is another program, which is handed copies of the arrays" if implementation.copies else ""


def added_to(key: str) -> Bar:
    """The gradient of what is added has a sum over the classes of its own."""

    def bar(implementation: Implementation, law: CrossEntropy, dtype: str) -> str:
        penalised = law.l2 and (key == "theta" or (key == "b" and law.l2_bias))
        return "a cap, a z-loss or a penalty has a sum of its own" if law.bent or law.z_loss or penalised else ""

    return bar


def one_thread(implementation: Implementation, law: CrossEntropy, dtype: str) -> str:
    """Much right code is made for one thread, and says so nowhere."""
    return "" if implementation.threads else "it is not declared to be called from several threads (--threads)"
