"""What did I do wrong? Every known mistake is tried on the problems that failed; what fits all of them, within bounds, is named.

Nothing is guessed: a mistake is run on `Running` arrays, which enclose what any code with that mistake may return, and it
explains a problem if every wrong quantity lies inside. Where none explains every problem, what is wrong is described.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import permutations
from typing import Any

import numpy as np

from gradcheck.checks import CHECKS, Trial
from gradcheck.checks.trial import Broken, Skip, as_array, as_numbers
from gradcheck.enclosure import ETA64, Reals
from gradcheck.implementations import Implementation
from gradcheck.mistakes import MISTAKES, Mistake, Model
from gradcheck.problem import Problem
from gradcheck.running import Running

# Each quantity: the function that returns it, its symbol, and the checks that say whether it is right.
QUANTITIES: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "Z": ("gradients", "∂ℒ/∂Z", ("logits_gradient",)),
    "theta": ("gradients", "∂ℒ/∂θ", ("theta_gradient",)),
    "b": ("gradients", "∂ℒ/∂b", ("bias_gradient",)),
    "loss": ("loss", "ℒ", ("loss",)),
    "logits": ("logits", "Z", ("logits",)),
    "softmax": ("softmax", "A", ("softmax",)),
    "softmax_jacobian": ("softmax_jacobian", "∂A/∂Z", ("jacobian_diagonal", "jacobian_off_diagonal")),
}
GRADIENTS = ("Z", "theta", "b")
SEARCHED, CONFIRMED = 16, 64  # problems on which candidates are tried, and on which those that are left are confirmed
ENOUGH = 4  # numbers, each with 29 bits at least that would have to be 0 by chance
SMALL = 4096  # logits of a problem that is looked at


@dataclass(frozen=True)
class Diagnosis:
    """What is wrong, in words. `exact` if it fits within the bounds, otherwise it only describes.

    `explained` and `examined` are digests of failing problems; `mistakes` names those of the table.
    """

    likely: str
    fix: str = ""
    mistakes: tuple[str, ...] = ()
    exact: bool = True
    explained: frozenset[str] = frozenset()
    examined: frozenset[str] = frozenset()

    def counts(self, problems: Iterable[Problem]) -> tuple[int, int]:
        """How many of these problems it explains, and how many of them were examined."""
        looked = {problem.digest for problem in problems} & self.examined
        return len(looked & self.explained), len(looked)


def keep(kept: list[Problem], problem: Problem) -> None:
    """Put a problem among those that are looked at, while there is room and where it is small."""
    if len(kept) < CONFIRMED and problem.Y.size <= SMALL:
        kept.append(problem)


class View:
    """What an implementation returned for one problem, and which of it is wrong."""

    def __init__(self, implementation: Implementation, problem: Problem) -> None:
        self.problem = problem
        self.trial = Trial(implementation, problem)
        self.outputs = dict(self._outputs())

    def _outputs(self) -> Iterator[tuple[str, Any]]:
        for name, (function, _, _) in QUANTITIES.items():
            try:
                found = self.trial.raw_gradients()[name] if name in GRADIENTS else self.trial.first(function)
                as_numbers(name, found)
                yield name, as_array(name, found)
            except (Skip, Broken, KeyError):
                continue

    @cached_property
    def wrong(self) -> frozenset[str]:
        """The quantities that are not what the mathematics says, or not of its shape or dtype."""
        return frozenset(name for name in self.outputs if self._is_wrong(name))

    def _is_wrong(self, name: str) -> bool:
        if any(CHECKS[check].judge(self.trial).failed for check in QUANTITIES[name][2]):
            return True
        return name != "loss" and self.outputs[name].dtype != self.problem.theta.dtype

    @cached_property
    def right(self) -> dict[str, Running]:
        """What right code may return, of everything that is offered."""
        return dict(self.predicted(Model, self.outputs))

    def predicted(self, model: type[Model], names: Iterable[str]) -> Iterator[tuple[str, Running]]:
        """What code with this mistake may return."""
        made, p = model(), self.trial.problem
        inputs = [Running.exact(array) for array in p.arrays()]
        gradients = made.gradients(*inputs) if any(name in GRADIENTS for name in names) else {}
        yield from ((name, found) for name, found in gradients.items() if name in names)
        posed: dict[str, Callable[[], Running]] = {
            "loss": lambda: made.loss(*inputs),
            "logits": lambda: made.logits(*inputs[:3]),
            "softmax": lambda: made.softmax(Running.exact(self.trial.posed(self.trial.Z))),
            "softmax_jacobian": lambda: made.softmax_jacobian(Running.exact(self.trial.posed_column)),
        }
        yield from ((name, posed[name]()) for name in names if name in posed)

    def fits(self, name: str, found: Running) -> bool:
        """Whether what was returned lies within what the mistake may return: shape, dtype, and every entry."""
        output = self.outputs[name]
        if output.shape != found.shape or (name != "loss" and output.dtype != found.dtype):
            return False
        values = output.astype(np.float64)
        with np.errstate(invalid="ignore"):
            near = abs(values - found.value) <= found.error
        unlimited = ~np.isfinite(found.value) & ~np.isfinite(values)
        return bool((near | unlimited | np.isinf(found.error)).all())

    def coarse(self, name: str, grid: str) -> int | None:
        """How many numbers but 0 were returned where all are numbers of this coarser precision; None where some are not."""
        values = self.outputs[name].astype(np.float64)
        with np.errstate(over="ignore", invalid="ignore"):
            whole = np.array_equal(values, values.astype(grid).astype(np.float64), equal_nan=True)
        return int(np.count_nonzero(values)) if whole else None

    def telling(self, name: str, found: Running) -> bool:
        """Whether the mistake and the right code can be told apart here."""
        right = self.right[name]
        if found.shape != right.shape or found.dtype != right.dtype:
            return True
        with np.errstate(invalid="ignore"):
            apart = abs(found.value - right.value) > found.error + right.error
        return bool((apart | (~np.isfinite(found.value) & np.isfinite(right.value) & (found.error == 0))).any())


# ---- what is tried ----


# A mistake that cannot be computed of these shapes, or at all.
UNCOMPUTABLE = (TypeError, ValueError, IndexError, AttributeError, Skip)


@dataclass(frozen=True)
class Candidate:
    """One explanation to be tried: a model, in words, and perhaps a factor that is solved for."""

    mistakes: tuple[Mistake, ...]
    what: str
    model: type[Model]
    factor: str = ""

    def explains(self, view: View, names: frozenset[str]) -> bool:
        """Whether all of these quantities, as far as they are offered, are what this mistake makes of them."""
        here = names & view.outputs.keys()
        scale = FACTORS[self.factor](view.problem) if self.factor else None
        try:
            for name, found in view.predicted(self.model, here):
                scaled = found if scale is None else (found * scale).astype(found.dtype)
                if not view.fits(name, scaled):
                    return False
        except UNCOMPUTABLE:
            return False
        return True

    def tells(self, view: View, names: frozenset[str]) -> bool:
        """Whether it differs from the right code on this problem beyond both their bounds."""
        here = names & view.outputs.keys()
        scale = FACTORS[self.factor](view.problem) if self.factor else 1
        return any(view.telling(name, found * scale) for name, found in view.predicted(self.model, here))

    def room(self, views: list[View], names: frozenset[str]) -> int:
        """How much it leaves open, in steps of a factor of 2^16: of two that fit, the narrower one says more."""
        errors = [found.error for view in views for _, found in view.predicted(self.model, names & view.outputs.keys())]
        total = sum(float(np.where(np.isfinite(error), error, 0).sum()) for error in errors)
        return int(np.log2(total + ETA64) // 16)


# Factors that happen: what a gradient may be multiplied by, as a function of the problem.
FACTORS: dict[str, Callable[[Problem], float]] = {
    "n": lambda p: p.n,
    "1/n": lambda p: 1 / p.n,
    "L": lambda p: p.L,
    "1/L": lambda p: 1 / p.L,
    "d": lambda p: p.d,
    "1/d": lambda p: 1 / p.d,
    "n/L": lambda p: p.n / p.L,
    "n/d": lambda p: p.n / p.d,
    "n²": lambda p: p.n**2,
    "1/n²": lambda p: 1 / p.n**2,
    "n/(n - 1)": lambda p: p.n / max(p.n - 1, 1),
    "√n": lambda p: p.n**0.5,
    "1/√n": lambda p: p.n**-0.5,
    "2": lambda p: 2.0,
    "1/2": lambda p: 0.5,
    "-1": lambda p: -1.0,
    "-n": lambda p: -p.n,
    "-1/n": lambda p: -1 / p.n,
    "log 2": lambda p: float(np.log(2)),
    "1/log 2": lambda p: float(1 / np.log(2)),
}


def singles() -> Iterator[Candidate]:
    """Every mistake of the table, with every value of its parameter."""
    for mistake in MISTAKES.values():
        if not mistake.unforeseeable:
            yield from (Candidate((mistake,), what, model) for what, model in mistake.variants())


def scaled() -> Iterator[Candidate]:
    """The right code, and every common mistake, times a factor."""
    bases = [Candidate((), "multiplied by {factor}", Model)]
    bases += [
        Candidate((m,), f"{m.what}; and multiplied by {{factor}}", m.model) for m in MISTAKES.values() if m.common
    ]
    for base in bases:
        for factor in FACTORS:
            yield replace(base, what=base.what.replace("{factor}", factor), factor=factor)


def pairs() -> Iterator[Candidate]:
    """Two common mistakes in one piece of code, in both orders."""
    common = [mistake for mistake in MISTAKES.values() if mistake.common]
    for first, second in permutations(common, 2):
        yield Candidate((first, second), f"{first.what}; and {second.what}", first.and_(second))


# ---- the search ----


def diagnose(
    implementation: Implementation, failing: Iterable[Problem], passing: Iterable[Problem] = ()
) -> Diagnosis | None:
    """What explains every failing problem; a description where nothing does; None where no value is wrong."""
    views = [View(implementation, problem) for problem in _telling(failing)]
    views = [view for view in views if view.wrong]
    names = frozenset(name for view in views for name in view.wrong)
    if not names:
        return None
    searched = views[:SEARCHED]
    others = [View(implementation, problem) for problem in _telling(passing)[:SEARCHED]]
    for candidates in (singles, scaled, pairs):
        found = _best(list(_fitting(candidates(), searched + others, names)), views, names)
        if found is not None:
            return _worded(found, views, names, others)
    return _apart(searched + others, views, names) or _described(views, others, names)


def _telling(problems: Iterable[Problem]) -> list[Problem]:
    """Small ones, and of most sides first: n = 1 hides a factor, squares hide transposes."""
    distinct = list({p.digest: p for p in problems if p.Y.size <= SMALL}.values())
    return sorted(distinct, key=lambda p: (-len({p.n, p.d, p.L, 1}), p.Y.size))[:CONFIRMED]


def _fitting(candidates: Iterable[Candidate], views: list[View], names: frozenset[str]) -> Iterator[Candidate]:
    """Those that explain everything that is wrong, and contradict nothing that is right about the same quantities."""
    for candidate in candidates:
        if all(candidate.explains(view, names) for view in views):
            yield candidate


def _best(candidates: list[Candidate], views: list[View], names: frozenset[str]) -> Candidate | None:
    """Of those that fit, one that also explains why the other quantities are right; then the one that says most; then the first."""
    told = [c for c in candidates if _told(c, views, names)]
    whole = [c for c in told if all(c.explains(view, frozenset(QUANTITIES)) for view in views)]
    return min(whole or told, key=lambda c: c.room(views[:SEARCHED], names), default=None)


def _told(candidate: Candidate, views: list[View], names: frozenset[str]) -> bool:
    """Whether some problem tells it from the right code.

    The bounds of a coarser precision are too wide for that: there it tells that the numbers returned are numbers of it.
    """
    grid = next((mistake.grid for mistake in candidate.mistakes if mistake.grid), "")
    if not grid:
        return any(candidate.tells(view, names) for view in views)
    counts = [[view.coarse(name, grid) for view in views if name in view.outputs] for name in names]
    on_grid = [None not in found and sum(filter(None, found)) >= ENOUGH for found in counts]
    return all(on_grid) if candidate.model.coarse_throughout else any(on_grid)


def _worded(found: Candidate, views: list[View], names: frozenset[str], others: list[View]) -> Diagnosis:
    """An exact diagnosis, confirmed on every failing problem that is looked at."""
    explained = frozenset(view.problem.digest for view in views if found.explains(view, names))
    whole = all(found.explains(view, frozenset(QUANTITIES)) for view in (*views[:SEARCHED], *others))
    where = "" if whole else f", in {_symbols(names)} only"
    fix = "; ".join(mistake.fix for mistake in found.mistakes) or f"leave the factor {found.factor} out"
    return Diagnosis(
        found.what + where,
        fix if not (found.mistakes and found.factor) else f"{fix}; and leave the factor {found.factor} out",
        tuple(mistake.name for mistake in found.mistakes),
        True,
        explained,
        frozenset(view.problem.digest for view in views),
    )


def _apart(searched: list[View], views: list[View], names: frozenset[str]) -> Diagnosis | None:
    """A mistake for each wrong quantity, where none explains them together."""
    parts: dict[str, tuple[Candidate, list[str]]] = {}
    for name in sorted(names, key=list(QUANTITIES).index):
        only = frozenset({name})
        for candidates in (singles, scaled):
            found = _best(list(_fitting(candidates(), searched, only)), views, only)
            if found is not None:
                parts.setdefault(found.what, (found, []))[1].append(name)
                break
        else:
            return None
    what = "; and ".join(f"{candidate.what}, in {_symbols(where)}" for candidate, where in parts.values())
    fixes = dict.fromkeys(m.fix for candidate, _ in parts.values() for m in candidate.mistakes)
    explained = (
        view.problem.digest
        for view in views
        if all(candidate.explains(view, frozenset(where)) for candidate, where in parts.values())
    )
    mistakes = dict.fromkeys(m.name for candidate, _ in parts.values() for m in candidate.mistakes)
    examined = frozenset(view.problem.digest for view in views)
    return Diagnosis(what, "; ".join(fixes), tuple(mistakes), True, frozenset(explained), examined)


def _symbols(names: Iterable[str]) -> str:
    ordered = [QUANTITIES[name][1] for name in QUANTITIES if name in names]
    return " and ".join(filter(None, [", ".join(ordered[:-1]), ordered[-1]]))


# ---- where nothing fits ----

# What may separate failing problems from passing ones.
FEATURES: dict[str, Callable[[Problem], float]] = {
    "the largest |logit|": lambda p: float(abs(_logits(p)).max()),
    "the gap between logits of a sample": lambda p: float(np.ptp(_logits(p), axis=0).max()),
    "n": lambda p: p.n,
    "d": lambda p: p.d,
    "L": lambda p: p.L,
}


def _logits(p: Problem) -> Reals:
    theta, b, X, _ = p.reals
    with np.errstate(all="ignore"):
        Z: Reals = theta @ X + np.where(np.isneginf(b), 0, b)
    return Z


def _described(views: list[View], others: list[View], names: frozenset[str]) -> Diagnosis:
    """No known mistake fits: which quantities are wrong, in which entries, and what separates failing problems from passing."""
    said = [f"no known mistake fits; wrong: {_symbols(names)}", *_entries(views, names)]
    passing = [view.problem for view in others]
    failing = [view.problem for view in views]
    for feature, measure in FEATURES.items() if len(passing) > 1 and len(failing) > 1 else ():
        low, high = sorted(map(measure, passing)), sorted(map(measure, failing))
        if low[-1] < high[0]:
            said.append(f"it fails from {feature} = {high[0]:.4g}, and passes up to {low[-1]:.4g}")
        elif high[-1] < low[0]:
            said.append(f"it fails up to {feature} = {high[-1]:.4g}, and passes from {low[0]:.4g}")
    return Diagnosis("; ".join(said), exact=False, examined=frozenset(p.digest for p in failing))


def _entries(views: list[View], names: frozenset[str]) -> Iterator[str]:
    """Classes to which every error is confined, in quantities that have a row for each class."""
    rows: set[int] = set()
    for view in views:
        for name in names.intersection(GRADIENTS, view.outputs):
            found = view.right[name]
            if view.outputs[name].shape != found.shape:
                return
            with np.errstate(invalid="ignore"):
                off = ~(abs(view.outputs[name].astype(np.float64) - found.value) <= found.error)
            rows.update(int(k) for k in np.flatnonzero(off.any(axis=1)))
    if rows and len(rows) == 1 and any(view.problem.L > 1 for view in views):
        yield f"only in class {rows.pop()}"
