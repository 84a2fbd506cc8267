"""What keeps a check from every problem of an implementation: how it was declared, and the precision. A reason, or nothing.

What is true of a declared loss is true of every loss that its problems vary: options are only added to it.
"""

from collections.abc import Callable

from gradcheck.implementations import Implementation
from gradcheck.implementations.record import USES
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


def answers(use: str) -> Bar:
    """What is asked of how gradients are used: `gradcheck.implementations.uses`."""

    def bar(implementation: Implementation, law: CrossEntropy, dtype: str) -> str:
        if not implementation.uses:
            return f"{implementation.name} has no function 'upstream gradients'"
        return "" if use in implementation.uses else f"{implementation.name} cannot be asked for {USES[use]}"

    return bar


def leaves_samples_out(implementation: Implementation, law: CrossEntropy, dtype: str) -> str:
    """A batch of nothing is made of samples that do not count."""
    out = law.ignore is not None or law.counted == "labelled" or "ignore" in implementation.varied
    return "" if out else "posed where there is a label that does not count (--ignore)"


def one_number(implementation: Implementation, law: CrossEntropy, dtype: str) -> str:
    """One upstream gradient for each sample asks for one loss for each."""
    return "" if law.reduction == "none" else "posed where the loss is one number for each sample (--reduction none)"


def uncapped(implementation: Implementation, law: CrossEntropy, dtype: str) -> str:
    """A tanh before the loss is a cap of 1, of which there is one."""
    return "posed for a loss without a cap or a penalty of its own" if law.softcap or law.l2 else ""


def plain_labels(implementation: Implementation, law: CrossEntropy, dtype: str) -> str:
    """What the loss makes of its labels has a derivative of its own; indices have none."""
    if "index" in (implementation.layout.labels, implementation.declared.labels):
        return "labels that are indices have no gradient"
    plain = law.counts_only and law.counted not in ("weights", "labelled") and law.ignore is None
    return "" if plain else "posed for the paper's loss, or its sum, of which labels are weights"


def counts_samples(implementation: Implementation, law: CrossEntropy, dtype: str) -> str:
    """A sample alone is the mean over itself where samples are counted."""
    counted = law.reduction != "mean" or law.mean_of == "samples"
    return "" if counted and not law.l2 else "posed where a mean is over the samples, and there is no penalty"


def another(implementation: Implementation, dtype: str) -> str:
    """Of float64 and float32 the other than this that it is made for, and is not known to fail in; empty where there is none."""
    known = {check.partition("/")[2] for check in implementation.expected_failures}
    if "" in known:  # in every precision
        return ""
    others = (d for d in ("float64", "float32") if d in implementation.dtypes and d not in (dtype, *known))
    return next(others, "")


def another_offered(implementation: Implementation, law: CrossEntropy, dtype: str) -> str:
    """What is made for one precision has no other."""
    other = another(implementation, dtype)
    return "" if other else f"{implementation.name} offers no other precision, or is known to fail in it"


def one_thread(implementation: Implementation, law: CrossEntropy, dtype: str) -> str:
    """Much right code is made for one thread, and says so nowhere."""
    return "" if implementation.threads else "it is not declared to be called from several threads (--threads)"
