"""A wrong layout told from a wrong gradient: is there a layout, or an arithmetic, under which everything that failed agrees?

It is tried, not guessed: every other layout is judged on the problems that failed, within the same enclosures.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

from gradcheck import conventions, precision
from gradcheck.arithmetic import EVERY, Arithmetic
from gradcheck.checks import CHECKS, Check, Trial
from gradcheck.checks.exact import Exact
from gradcheck.diagnosis.chosen import CONFIRMED
from gradcheck.diagnosis.views import View
from gradcheck.errors import Missing
from gradcheck.implementations import CHOICES, Implementation, Layout, adapt
from gradcheck.law import CrossEntropy
from gradcheck.law.options import CHOICES as LOSSES
from gradcheck.law.options import PLAIN
from gradcheck.problem import Problem
from gradcheck.tally import Tally
from gradcheck.verdict import Outcome, Verdict

# The checks of values: a layout is meant only if all of them agree wherever they can judge.
GRADIENTS = ("logits_gradient", "theta_gradient", "bias_gradient", "data_gradient")
VALUES = tuple(CHECKS[name] for name in ("logits", "softmax", "loss", *GRADIENTS))
TRIED = ("samples", "theta", "labels", "reduction", "bias")
Meant = tuple[Layout, CrossEntropy]


def meant(implementation: Implementation, tallies: Iterable[Tally], passing: Iterable[Problem] = ()) -> Meant | None:
    """The layout and the loss nearest to those declared under which all that failed agrees, and what passed; None where none is."""
    failed = [tally for tally in tallies if tally.first is not None]
    first = [tally.first[0] for tally in failed if tally.first and not tally.first[1].final]
    problems = _telling([*first, *(problem for tally in failed for problem in tally.failing)])
    asked = Asked(problems, _rest(failed, passing), _checks(failed))
    declared = implementation.layout, implementation.law
    if not asked.fails(implementation):
        return None
    plain = replace(implementation.layout, memory="C")
    odd = plain != implementation.layout and all(problem.memory != "C" for problem in problems)
    if odd and asked.cleared(replace(implementation, layout=plain)):
        return plain, implementation.law
    for layout, law in sorted(others(declared), key=lambda other: distance(other, declared)):
        if asked.agrees(replace(implementation, layout=layout, law=law)):
            return layout, law
    if implementation.law.own or not any(tally.check.equations for tally in failed):  # no value is wrong
        return None
    if not implementation.takes.options:  # or the problem says what it is handed
        asked = asked.with_law(PLAIN)
    small = (p for tally in failed for p in tally.failing if p.Y.size <= ENOUGH**4)
    more = {p.digest: p for p in (*asked.problems, *small)}
    for law in conventions.others(implementation.law, implementation, list(more.values())[: ENOUGH + MORE]):
        if asked.agrees(replace(implementation, law=law)):
            return implementation.layout, law
    return None


# What correct code may do that has to be declared: each is tried alone, and is granted its own roundings and no more.
INSIDE = ("float32", "bfloat16", "float16")
ROUNDS = ({"merged": EVERY}, {"subnormals": "flushed"})


def rounds(
    implementation: Implementation, tallies: Iterable[Tally], passing: Iterable[Problem] = ()
) -> Arithmetic | None:
    """An arithmetic under which every problem that failed agrees, and those that passed; None where there is none."""
    failed = [tally for tally in tallies if tally.failing]
    problems = list({problem.digest: problem for tally in failed for problem in tally.failing}.values())[:ENOUGH]
    asked = Asked(problems, _rest(failed, passing), _checks(failed))
    again = asked.fails(implementation)
    any_order = [{"sums": ""}] if implementation.arithmetic.sums else []
    for change in (*any_order, *ROUNDS, *_inside(implementation, problems)) if again else ():
        arithmetic = replace(implementation.arithmetic, **change)  # type: ignore[arg-type]
        if asked.cleared(replace(implementation, arithmetic=arithmetic)):
            return arithmetic
    return None


def _inside(implementation: Implementation, problems: list[Problem]) -> Iterator[dict[str, str]]:
    """Coarser precisions whose numbers all that a function returns is, where any of it is wrong: then code may compute in one.

    Where one result is of it and another is not, that one was rounded, and nothing was computed so.
    """
    views = [View(adapt(implementation), problem) for problem in problems]
    for name in INSIDE:
        try:
            coarser = precision.named(name).u > problems[0].precision.u
        except Missing:  # without its package
            continue
        found = [view.coarse(quantity, name) for view in views for quantity in view.beside_wrong] if coarser else []
        if found and None not in found and any(found):
            yield {"inner": name}


def _checks(failed: list[Tally]) -> tuple[Check, ...]:
    """The checks that must not fail: of values, and those that did."""
    return tuple(dict.fromkeys((*VALUES, *(tally.check for tally in failed))))


def others(declared: Meant) -> Iterator[Meant]:
    """Every layout, and every reduction of the loss, but what is declared."""
    for choice in product(*({**CHOICES, **LOSSES}[name] for name in TRIED)):
        changes: dict[str, Any] = dict(zip(TRIED, choice, strict=True))
        reduction = changes.pop("reduction")
        if reduction == "none" and declared[1].l2:  # which is of no sample
            continue
        if declared[1].own and reduction != declared[1].reduction:  # which is in its text
            continue
        law = declared[1] if declared[1].own else replace(declared[1], reduction=reduction)
        found = replace(declared[0], **changes), law
        if _distinct(found) != _distinct(declared):
            yield found


def _distinct(meant: Meant) -> tuple[Any, ...]:
    """What tells two of them apart: "auto" is one of the others."""
    layout, law = meant
    bias = "absent" if layout.bias == "absent" else layout.flat_bias
    return layout.samples, layout.theta, layout.labels, law.reduction, bias


def distance(meant: Meant, declared: Meant) -> int:
    """In how many options they differ."""
    said = [{**vars(law), **vars(layout), "reduction": law.reduction} for layout, law in (meant, declared)]
    return sum(said[0][name] != said[1][name] for name in TRIED)


MORE = 32  # problems of which numbers are solved for
ENOUGH = 8  # problems: a layout that is wrong fails on the first ones


def _telling(problems: list[Problem]) -> list[Problem]:
    """A few of the problems, those of most sides first: n = 1 hides a reduction, and squares hide transposes."""
    distinct = list({problem.digest: problem for problem in problems if problem.Y.size <= ENOUGH**4}.values())
    return sorted(distinct, key=lambda p: -len({p.n, p.d, p.L, 1}))[:ENOUGH]


def _rest(failed: list[Tally], passing: Iterable[Problem]) -> list[Problem]:
    """Problems that must not fail under an answer either: the others that failed, and those that did not."""
    some = [problem for tally in failed for problem in tally.failing]
    distinct = {problem.digest: problem for problem in some if problem.Y.size <= ENOUGH**4}
    return [*list(distinct.values())[:CONFIRMED], *passing]


@dataclass(frozen=True)
class Asked:
    """The problems that an answer must explain, the `rest` that must not fail under it either, and the checks that are asked.

    Many answers are tried on the same problems: exact values are worked out once.
    """

    problems: list[Problem]
    rest: list[Problem]
    checks: tuple[Check, ...]
    exact: Exact = field(default_factory=Exact)

    def with_law(self, law: CrossEntropy) -> "Asked":
        """The same of another loss."""
        problems, rest = ([problem.with_law(law) for problem in some] for some in (self.problems, self.rest))
        return replace(self, problems=problems, rest=rest)

    def _verdicts(
        self, implementation: Implementation, problems: Iterable[Problem]
    ) -> Iterator[tuple[Check, Problem, Verdict]]:
        """What each check says of each problem, one after the other."""
        adapted = adapt(implementation)
        due = [check for check in self.checks if all(name in adapted.offers for name in check.needs)]
        for problem in problems:
            with self.exact.shared(Trial(adapted, problem)) as trial:
                yield from ((check, problem, check.judge(trial)) for check in due)

    def fails(self, implementation: Implementation) -> bool:
        """Whether what failed fails when it is asked again, as it was declared: what does not agrees under any declaration."""
        return any(verdict.failed for _, _, verdict in self._verdicts(implementation, self.problems))

    def _agreed(self, implementation: Implementation) -> set[tuple[str, bool]]:
        """Which checks agree on some problem, and whether that has several samples; none as soon as one fails."""
        agreed: set[tuple[str, bool]] = set()
        for check, problem, verdict in self._verdicts(implementation, self.problems):
            if verdict.failed:
                return set()
            if verdict.outcome is Outcome.AGREE:
                agreed.add((check.name, problem.n > 1))
        refuted = agreed and any(verdict.failed for _, _, verdict in self._verdicts(implementation, self.rest))
        return set() if refuted else agreed

    def agrees(self, implementation: Implementation) -> bool:
        """Whether nothing fails, and the gradient of some problem with several samples could be judged."""
        return any(name.endswith("gradient") and several for name, several in self._agreed(implementation))

    def cleared(self, implementation: Implementation) -> bool:
        """Whether nothing fails on these problems any more, and something agrees."""
        return bool(self._agreed(implementation))
