"""Sizes and values that real code meets are posed: tiles, offsets, gaps, masks, masses; and the size that fails is told."""

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest

from gradcheck import Implementation, Problem, conformance, precision, sizes, verify
from gradcheck.checks import CHECKS
from gradcheck.conformance import pose
from gradcheck.mistakes import Model
from gradcheck.reduction import reduce
from gradcheck.regimes import FAR, FLAT, REGIMES, TILES, edges
from gradcheck.reports import stories
from gradcheck.strategies.laws import CLASSES, WEIGHED, ignored
from gradcheck.verdict import Outcome

CASES = 300
PRECISIONS = pytest.mark.parametrize("dtype", precision.NAMES)


@cache
def posed(dtype: str = "float64", regime: str = "*", count: int = CASES, seed: int = 0) -> tuple[Problem, ...]:
    drawn: list[Problem] = []
    pose(drawn.append, dtype=dtype, regimes=(regime,), seed=seed, count=count, shrink=False)
    return tuple(drawn)


def logits(p: Problem) -> np.ndarray:
    theta, b, X, _ = p.reals
    return theta @ X + b


# ---- what is reached ----


def _label_last(p: Problem) -> bool:
    return bool(p.L > 10 and p.reals[3][-1].any())


def _largest_last(p: Problem) -> bool:
    return bool(p.L > 10 and (logits(p).argmax(axis=0) == p.L - 1).any())


REACHED: dict[str, Callable[[Problem], bool]] = {
    "between 80 and 6554 samples": lambda p: 80 < p.n < 6554,
    "more than 16 classes": lambda p: p.L > 16,
    "more than 512 classes": lambda p: p.L > 512,
    "more than 20 features": lambda p: p.d > 20,
    "one more than a tile": lambda p: max(p.L, p.d, p.n) - 1 in TILES,
    "one less than a tile": lambda p: max(p.L, p.d, p.n) + 1 in TILES,
    "a tile": lambda p: max(p.L, p.d, p.n) in TILES,
    "the label in the last tile of classes": _label_last,
    "the largest logit in the last tile of classes": _largest_last,
    "a flat index that overflows": lambda p: any(
        most < size <= most + 20 for size in (p.L * p.d, p.d * p.n) for most in FLAT
    ),
    "the last class far ahead": lambda p: bool((np.sort(logits(p), axis=0)[-2] < logits(p)[-1] - 709).any()),
    "a repeated label": lambda p: p.label_index is not None and len(set(p.label_index.tolist())) < p.n,
    "the first and the last class as labels": lambda p: bool(p.reals[3][0].any() and p.reals[3][-1].any()),
    "exact zeros among logits": REGIMES["zero-logits"].holds,
    "far below a sentinel of -10000": lambda p: bool((logits(p).max(axis=0) < -10745).any()),
}


@pytest.mark.parametrize("what", REACHED)
def test_sizes_and_values_are_reached_within_300_test_cases(what):
    """By more than luck: twice at least."""
    assert sum(map(REACHED[what], posed())) >= 2


@PRECISIONS
@pytest.mark.parametrize("name", ["tiles", "far-offset", "exp-edge", "cancelling", "zero-logits"])
def test_new_regimes_are_reached_in_each_precision(dtype, name):
    assert sum(map(REGIMES[name].holds, posed(dtype))) >= 5


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("size", FAR["float64"])
def test_offsets_of_either_sign_and_each_size_have_all_their_digits(size, sign):
    """About as large as it says; and no short number."""
    of_it = [p.reals[1] for p in posed() if REGIMES["far-offset"].holds(p)]
    near = [b for b in of_it if (0.9 * size <= sign * b).all() and (sign * b <= 2 * size).all()]
    assert near and any((np.round(b * 2**10) != b * 2**10).any() for b in near)


@PRECISIONS
def test_gaps_lie_on_both_sides_of_each_edge_of_exp(dtype):
    """Where it becomes subnormal, infinite, the smallest number, and 0."""
    p = precision.named(dtype)
    with np.errstate(all="ignore"):
        below, top, least, zero = edges(p)
        assert np.exp(-below) == pytest.approx(p.tiny) and np.exp(top) == pytest.approx(p.huge)
        assert np.exp(np.longdouble(-least)) == pytest.approx(p.eta, rel=1e-6) and zero == pytest.approx(
            least + np.log(2)
        )
    gaps = np.concatenate([np.ptp(logits(q), axis=0) for q in posed(dtype, "exp-edge")])
    for edge in edges(p):
        assert ((edge - 1 < gaps) & (gaps < edge)).any() and ((edge < gaps) & (gaps < edge + 1)).any()


def test_about_one_problem_in_fifteen_has_a_long_side_and_it_is_a_few_numbers_that_are_drawn():
    """Sides beside it are short, so that it stays cheap."""
    long = [p for p in posed(count=500) if p.L > 10 or p.d > 20 or 40 < p.n < 6554]
    assert 500 / 30 <= len(long) <= 500 / 10
    assert all(sorted((p.L, p.d, p.n))[1] <= 5 or any(a * b > most for a, b, most in _products(p)) for p in long)
    assert all(p.entries <= 2**18 for p in long)


def _products(p: Problem):
    return [(a, b, most) for a, b in ((p.L, p.d), (p.d, p.n), (p.L, p.n)) for most in FLAT]


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_tiles_of_16_bits_are_chosen_so_that_most_problems_say_something(dtype):
    """Where a sum of 1,025 terms is lost in its bound, smaller tiles are posed more often, and the larger ones still are."""
    checks = verify.select(("loss", "logits_gradient", "softmax", "bias_gradient"))
    right = Model().implementation("right")
    tiles = posed(dtype, "tiles", 100)
    found = [verify.judge(right, p, checks) for p in tiles]
    telling = sum(any(v.outcome is Outcome.AGREE for v in each.values()) for each in found)
    assert telling > len(tiles) / 2 and not any(v.failed for each in found for v in each.values())
    assert any(max(p.L, p.d, p.n) > 1 / (4 * p.precision.u) for p in tiles)


# ---- on request ----

MASKS: dict[str, Callable[[np.ndarray], bool]] = {
    "one": lambda m: m.sum() == 1,
    "several": lambda m: 1 < m.sum() < len(m) - 1,
    "all but one": lambda m: m.sum() == len(m) - 1 > 1,
    "the first four": lambda m: len(m) > 4 and bool(m[:4].all()) and not m[4],
    "a tile at the end": lambda m: len(m) > 4 and bool(m[-4:].all()) and not m[0],
    "more than sixteen": lambda m: m.sum() >= 16,
}


@pytest.mark.parametrize("kind", MASKS)
def test_masks_are_of_one_class_of_several_of_a_tile_and_of_all_but_one(kind):
    assert any(MASKS[kind](p.masked) for p in posed(regime="masked-class"))


@PRECISIONS
def test_one_sample_may_have_a_mass_beside_which_the_others_round_to_nothing(dtype):
    """And a batch of several samples has others; no sum overflows for that."""
    masses = [p.reals[3].sum(axis=0) for p in posed(dtype, "label-mass", 100)]
    assert any(mass.max() * precision.named(dtype).u >= 1 and mass.min() == 1 for mass in masses)


def test_all_samples_are_ignored_in_some_problems():
    """Of losses that ignore; a sum of nothing is 0."""
    drawn = [ignored(bytes([octet, *range(50)]), 5) for octet in range(32)]
    assert any(found.all() for found in drawn) and any(found.sum() == 4 for found in drawn)


def test_weights_of_classes_serve_a_tile_of_classes():
    assert max(TILES) + 1 <= CLASSES and CLASSES % WEIGHED == 0


# ---- costs ----


@pytest.mark.parametrize("name", CHECKS)
def test_checks_that_cost_judge_tiles_only_where_they_are_cheap(name):
    """A Jacobian of 1,025 classes is none; nor quotients of 32,776 weights. What judges every problem judges tiles, too."""
    check = CHECKS[name]
    long, flat, short = (_zeros(*shape) for shape in ((1025, 1, 1), (8, 4097, 1), (129, 1, 1)))
    if not check.turns:
        assert check.due(1, long) and check.due(1, flat)
        return
    turn = check.turns[0]
    assert check.due(turn, short)
    assert check.due(turn, long) == ("softmax_jacobian" not in check.needs)
    assert check.due(turn, flat) == check.large


def _zeros(L: int, d: int, n: int) -> Problem:
    return Problem(np.zeros((L, d)), np.zeros((L, 1)), np.zeros((d, n)), np.eye(L, 1) @ np.ones((1, n)))


# ---- the size from which it fails ----


def right(theta, b, X, Y):
    Z = theta @ X + b
    E = np.exp(Z - Z.max(axis=0))
    return (E / E.sum(axis=0) * Y.sum(axis=0) - Y) / Y.shape[1]


def packed(wrong: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Implementation:
    """Of D (L, n) and Y."""

    def gradients(theta, b, X, Y):
        D = wrong(right(theta, b, X, Y), Y)
        return {"theta": D @ X.T, "b": D.sum(axis=1, keepdims=True), "Z": D}

    return Implementation("wrong", gradients)


def beyond(block: int):
    """-1 at the label only in the first block of classes."""

    def wrong(D, Y):
        labels = Y / Y.shape[1]
        labels[:block] = 0
        return D + labels

    return wrong


def halved(seen: int):
    return lambda D, Y: np.where(np.arange(D.shape[1]) < seen, D, 0)


def multiple(D, Y):
    return np.where(np.arange(len(D))[:, np.newaxis] == len(D) - 1, 0, D) if len(D) % 16 == 0 else D


def one_shape(D, Y):
    return D * 2 if len(D) == 33 else D


@pytest.mark.parametrize(
    ("wrong", "said"), [(beyond(16), "from L = 17; 16 passes"), (halved(64), "from n = 65; 64 passes")]
)
def test_the_smallest_size_that_fails_is_found_by_halving_and_told(wrong, said):
    """In the story of the cause, and in the failure."""
    run = conformance.conform(packed(wrong), checks=("logits_gradient",), max_examples=200)
    (failure,) = run.failures
    assert failure.since == said
    cause = conformance.causes.of(run)[0]
    assert f"  fails     {said}" in stories.lines(cause, run)


def _labelled_last(L: int, n: int = 1) -> Problem:
    Y = np.zeros((L, n))
    Y[-1] = 1
    return Problem(np.ones((L, 1)), np.zeros((L, 1)), np.ones((1, n)), Y)


@pytest.mark.parametrize("wrong", [multiple, one_shape])
@pytest.mark.parametrize("L", [16, 33])
def test_a_fault_of_multiples_or_of_one_shape_does_not_begin_at_a_size(wrong, L):
    """Nothing is said, rather than what does not hold."""
    assert sizes.since(packed(wrong), CHECKS["logits_gradient"], _labelled_last(L)) == ""


def test_what_always_fails_begins_at_no_size():
    for L in (2, 5, 17):
        assert sizes.since(packed(lambda D, Y: 2 * D), CHECKS["logits_gradient"], _labelled_last(L)) == ""


@pytest.mark.parametrize("limit", [17, 129, 513, 1000])
@pytest.mark.parametrize("side", ["L", "d", "n"])
def test_halving_finds_a_limit_in_few_calls(side, limit):
    """Twice the logarithm of the size, not the size; whatever else is tried after."""
    shape = {"L": 2, "d": 1, "n": 1, side: 1025}
    calls = 0

    def fails(p: Problem) -> bool:
        nonlocal calls
        calls += 1
        return getattr(p, side) >= limit

    small = reduce(_zeros(**shape), fails, 60)
    assert getattr(small, side) == limit
    assert calls <= 60
