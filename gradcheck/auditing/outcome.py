"""What an audit has found: the verdict on each quantity, and what it rests on."""

from dataclasses import dataclass

from gradcheck.arithmetic import Arithmetic
from gradcheck.auditing.findings import NAMES, Finding
from gradcheck.law import CrossEntropy
from gradcheck.law.options import PLAIN
from gradcheck.verdict import FAILURES, Outcome


@dataclass(frozen=True, repr=False)
class Audit:
    """What was found; as text, a line for each quantity. `sums` and `stored` name the precisions of the error model, `missing` what
    a dump does not hold, and `arithmetic` and `law` are what was declared. `findings` has one for each quantity.

        >>> import gradcheck, numpy as np
        >>> arrays = {"theta": np.eye(3, 2), "b": None, "X": np.ones((2, 4)), "Y": np.arange(4) % 3}
        >>> print(gradcheck.audit(loss=np.array(0.9), **arrays))
        arrays: L, d, n = 3, 2, 4
          ℒ disagree
    """

    source: str
    sizes: tuple[int, int, int]
    stored: str
    sums: str
    probes: int
    seed: int
    findings: tuple[Finding, ...]
    missing: tuple[str, ...]
    arithmetic: Arithmetic = Arithmetic()  # noqa: RUF009 - immutable
    law: CrossEntropy = PLAIN
    factor: float = 1.0
    with_logits: float | None = None  # how many times sharper limits would be with Z in the dump, which has none
    shared: tuple[str, ...] = ()  # gradients that are of this use of a parameter alone

    @property
    def alone(self) -> str:
        """What was not judged of parameters that others use, too; empty where there are none."""
        names = " and ".join(NAMES[name] for name in self.shared)
        penalty = ", nor the declared penalty" if self.law.l2 else ""
        return names and (
            f"{names}: of this use of the parameter alone, since .grad has more, as where an embedding is tied to it; .grad was "
            f"not judged{penalty}"
        )

    @property
    def status(self) -> int:
        """0 everything judged agrees, 1 something disagrees, 3 nothing could be judged."""
        outcomes = {finding.verdict.outcome for finding in self.findings}
        if outcomes & FAILURES:
            return 1
        return 0 if Outcome.AGREE in outcomes else 3

    def __repr__(self) -> str:
        head = f"{self.source}: L, d, n = {', '.join(map(str, self.sizes))}"
        return "\n".join((head, *map(_line, self.findings), *([f"  {self.alone}"] if self.alone else [])))


def _line(finding: Finding) -> str:
    """What is said of one quantity, as `gradcheck audit` words it."""
    verdict, name = finding.verdict, NAMES[finding.quantity]
    said = "; ".join(finding.faults if verdict.failed else filter(None, (verdict.reason, *finding.odd)))
    return f"  {name} {verdict.outcome}{said and ': '}{said}"
