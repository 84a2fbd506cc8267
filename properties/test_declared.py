"""What is declared of an arithmetic becomes these units of roundoff and ranges, field by field; and how an enclosure compares."""

import re
from dataclasses import replace

import numpy as np
import pytest

from gradcheck import Arithmetic, Enclosure, Unusable, precision
from gradcheck.arithmetic import granted, options, said, word
from gradcheck.enclosure import ETA64, U64, outward
from gradcheck.precision import FLOAT64, LARGEST, NAMES, named

F64, F32, F16, BF16 = map(named, NAMES)
RANGE_16, TINY_16 = {"eta": F16.eta, "tiny": F16.tiny, "huge": F16.huge}, 2.0**-14
TF32 = {"name": "tf32", "u": 2.0**-11, "eta": 2.0**-137, "tiny": 2.0**-126, "huge": (2 - 2.0**-10) * 2.0**127}

# (arrays, what is declared) -> the fields of what is granted; all others are those of the precision that it is named after
GRANTS = [
    ("float32", {}, {}),
    ("float32", {"inner": "float32"}, {}),
    ("float16", {"accumulate": "float16"}, {}),
    ("float32", {"stored": "float32"}, {}),
    ("float64", {"inner": "float32"}, {"name": "float32", "u": F32.u, "reads": F32.u}),
    ("float64", {"inner": "tf32"}, TF32 | {"reads": 2.0**-11}),
    ("float32", {"inner": "tf32"}, TF32 | {"reads": 2.0**-11, "eta": max(2.0**-137, F32.eta)}),
    ("bfloat16", {"inner": "tf32"}, {}),
    ("float64", {"inner": "bfloat16"}, {"name": "bfloat16", "reads": BF16.u}),
    ("bfloat16", {"inner": "float16"}, {"name": "float16", **RANGE_16, "reads": F16.u, "returned": BF16.u}),
    ("float16", {"inner": "bfloat16"}, {"name": "bfloat16", **RANGE_16, "reads": BF16.u}),
    ("bfloat16", {"inner": "float32"}, {"name": "float32", "returned": BF16.u, "eta": BF16.eta, "huge": BF16.huge}),
    ("float16", {"inner": "float32"}, {"name": "float32", **RANGE_16, "returned": F16.u}),
    ("float32", {"subnormals": "flushed"}, {"eta": F32.tiny, "reads": F32.u}),
    ("float16", {"accumulate": "float32"}, {"name": "float32", **RANGE_16, "kept": F16.u}),
    ("float16", {"accumulate": "bfloat16"}, {**RANGE_16, "adds": BF16.u}),
    ("float64", {"accumulate": "float16"}, {**RANGE_16, "adds": F16.u}),
    ("bfloat16", {"accumulate": "float16"}, {"name": "float16", **RANGE_16, "kept": BF16.u, "reads": F16.u}),
    ("float32", {"stored": "bfloat16"}, {"eta": BF16.eta, "huge": BF16.huge, "stored": BF16.u}),
    ("float32", {"stored": "float16"}, {**RANGE_16, "stored": F16.u}),
    ("bfloat16", {"stored": "float16"}, {**RANGE_16, "stored": F16.u}),
    ("bfloat16", {"stored": "float32"}, {}),
    ("float16", {"accumulate": "float32", "stored": "float16"}, {"name": "float32", **RANGE_16, "stored": F16.u}),
    (
        "bfloat16",
        {"accumulate": "float32", "stored": "float16"},
        {"name": "float32", **RANGE_16, "kept": BF16.u, "stored": F16.u},
    ),
    ("float32", {"merged": 3, "pieces": 2, "sums": "blocked:256"}, {"merged": 3.0, "pieces": 2, "block": 256}),
    ("float32", {"merged": "L"}, {"merged": np.inf}),
]


@pytest.mark.parametrize(("arrays", "declared", "fields"), GRANTS, ids=repr)
def test_what_is_declared_is_granted_field_by_field(arrays, declared, fields):
    p = granted(arrays, Arithmetic(**declared))
    inside = fields.get("name", arrays)
    at_first = replace(F32, name="tf32", dtype=np.dtype("float32")) if inside == "tf32" else named(inside)
    assert p == replace(at_first, **fields)
    assert (p is named(arrays)) == (not fields)


@pytest.mark.parametrize(
    ("name", "bits", "lowest"), [("float64", 53, -1074), ("float32", 24, -149), ("float16", 11, -24)]
)
def test_a_precision_is_its_significand_and_its_range(name, bits, lowest):
    p = named(name)
    assert (p.u, p.bits, p.eta, p.dtype.name) == (2.0**-bits, bits, 2.0**lowest, name)
    assert p.tiny == 2.0 ** (lowest + bits - 1) and p.huge == float(np.finfo(name).max) and precision.of(p.dtype) is p
    with np.errstate(all="raise"):
        assert np.isinf(p.round(np.array([1e39]))[0]) == (name != "float64")
    assert p.most == min(p.huge, LARGEST) and p.true == replace(p, truthful=True) and p.true.truthful


def test_bfloat16_is_eight_bits_in_the_range_of_float32():
    assert BF16.dtype.name == "bfloat16" and precision.of(BF16.dtype) is BF16
    assert (BF16.u, BF16.bits, BF16.eta, BF16.tiny, BF16.huge) == (2.0**-8, 8, 2.0**-133, 2.0**-126, 255 * 2.0**120)


def test_one_operation_is_written_down_and_read_again():
    assert F32.plain and (F32.unit, F32.least, F32.loses) == (F32.u, F32.eta, 0)
    for field in ("reads", "adds", "kept", "stored"):
        p = replace(F32, **{field: 2.0**-8})
        assert not p.plain and p.least == 4 * F32.eta and p.loses == (field in ("reads", "stored"))
        more = 1 if field == "adds" else 1 + 2.0**-8
        np.testing.assert_allclose(p.unit, ((1 + F32.u) * more - 1) * (1 + 2.0**-40), rtol=2.0**-44)
    assert replace(F32, returned=2.0**-8).plain


def test_a_precision_that_is_not_known_is_told_with_what_is_meant():
    known = "expected one of float64, float32, float16, bfloat16"
    for name, words in (("fp32", "did you mean float32?"), ("half", "did you mean float16?"), ("posit", known)):
        with pytest.raises(Unusable, match=f"^dtype '{name}' is not known; {re.escape(words)}$"):
            named(name)
    with pytest.raises(Unusable, match=r"^dtype 'int64' is not known; "):
        precision.of(np.dtype("int64"))


@pytest.mark.parametrize(
    ("declared", "words"),
    [
        ({"inner": "float64"}, "inner='float64' is not known; expected float32 or tf32 or float16 or bfloat16"),
        ({"subnormals": "lost"}, "subnormals='lost' is not known; expected kept or flushed"),
        ({"merged": -1}, "merged=-1 is not known; expected a number of parts, or L for every class"),
        ({"merged": 2**53}, f"merged={2**53} is not known; expected a number of parts, or L for every class"),
        ({"pieces": 0}, "pieces=0 is not known; expected a number of pieces, from 1"),
        ({"pieces": True}, "pieces=True is not known; expected a number of pieces, from 1"),
        ({"deterministic": 1}, "deterministic=1 is not known; expected true or false"),
        ({"sums": "blocked:0"}, "sums='blocked:0' is not known; expected blocked:B or chain:K, such as blocked:256"),
        (
            {"sums": "blocked:1" + "0" * 9},
            "sums='blocked:1000000000' is not known; expected blocked:B or chain:K, such as blocked:256",
        ),
        ({"sums": "256"}, "sums='256' is not known; expected blocked:B or chain:K, such as blocked:256"),
        ({"sums": "blocked:²"}, "sums='blocked:²' is not known; expected blocked:B or chain:K, such as blocked:256"),
        ({"sums": 256}, "sums=256 is not known; expected blocked:B or chain:K, such as blocked:256"),
    ],
)
def test_what_is_not_known_is_refused_in_these_words(declared, words):
    with pytest.raises(Unusable) as told:
        Arithmetic(**declared)
    assert str(told.value) == f"arithmetic {words}"


def test_limits_of_what_may_be_declared():
    most = Arithmetic(merged=2**53 - 1, pieces=2**53 - 1, sums="blocked:" + "9" * 9)
    assert (most.parts, most.block, Arithmetic().parts, Arithmetic().block) == (2.0**53 - 1, 999999999, 0.0, 0)
    assert Arithmetic().said == {} and said(Arithmetic(pieces=2, deterministic=False)) == {
        "pieces": 2,
        "deterministic": False,
    }


def test_options_of_the_command_line_say_what_is_declared():
    given = {
        "mean_of": 2.0,
        "class_weight": (1.0, 0.5),
        "l2_bias": True,
        "deterministic": False,
        "l2": 0.25,
        "scaled": "after",
    }
    assert " ".join(options(given)) == (
        "--mean-of 2 --class-weight 1,0.5 --l2-bias --deterministic no --l2 0.25 --scaled after"
    )
    assert list(options({"l2_bias": False})) == ["--no-l2-bias"]
    assert [word(value) for value in ([1, 2.5], True, 1e300, "L", 3)] == ["1,2.5", "yes", "1e+300", "L", "3"]


def test_a_bound_is_made_safe_against_so_many_roundings_and_underflows():
    assert outward(1.0) == 1 + 20 * U64 and outward(0.0) == 8 * ETA64
    assert outward(1.0, 1) == 1 + 6 * U64 and outward(0.0, 1) == ETA64


def test_an_enclosure_compares_from_both_sides():
    box = Enclosure(np.array([1.0, -2.0]), np.array([0.25, 2.0]))
    np.testing.assert_array_equal(box.magnitude, outward(np.array([1.25, 4.0]), 1))
    assert box.vacuous.tolist() == [False, True]
    np.testing.assert_array_equal(box.inflate(0.5).radius, outward(np.array([0.75, 2.5]), 1))
    np.testing.assert_array_equal(box.widened(3).radius, outward(np.array([0.75, 6.0]), 1))
    assert box.take(1).midpoint == -2 and box.take(1).radius == 2 and box.reshape(2, 1).radius.shape == (2, 1)
    assert box.encloses(box) and box.encloses(Enclosure(np.array([1.125, -2.0]), np.array([0.125, 0.0])))
    assert not box.encloses(Enclosure(np.array([1.125, -2.0]), np.array([0.25, 0.0])))
    assert not box.encloses(Enclosure(np.array([1.5, -2.0]), np.zeros(2)))
    assert box.meets(Enclosure(np.array([1.5, 0.0]), np.array([0.25, 0.0])))
    assert not box.meets(Enclosure(np.array([1.5, 0.0]), np.array([0.125, 0.0])))
    far = Enclosure(np.array([np.inf, np.inf]), np.zeros(2))
    assert far.encloses(far) and far.meets(far) and not far.encloses(box) and not box.meets(far)
    point, edge = Enclosure(np.zeros(1), np.zeros(1)), Enclosure(np.zeros(1), np.full(1, 8 * ETA64))
    assert point.encloses(edge) and not point.encloses(edge.widened(2))  # closed at the slack of its own evaluation
    assert point.meets(Enclosure(np.full(1, 8 * ETA64), np.zeros(1)))
    np.testing.assert_array_equal(box.test_ratio([1.125, np.nan]), [0.5 / (1 + 20 * U64), np.inf])


def test_where_a_midpoint_has_left_the_range_nothing_is_known():
    left = Enclosure.representable(np.array([1.0, np.inf]), np.array([0.5, 0.5]))
    assert left.midpoint.tolist() == [1.0, 0.0] and left.radius.tolist() == [0.5, np.inf]
    assert left.test_ratio([1.0, 7.0]).tolist() == [0.0, 0.0]
    kept = np.ones(1)
    assert Enclosure.representable(kept, kept).midpoint is kept
    assert FLOAT64 is F64
