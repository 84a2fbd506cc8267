"""Running error analysis: what NumPy computes, and what is exact, lie within the error of the array that is carried along."""

from threading import Thread

import numpy as np
import pytest

from gradcheck import numpy as gnp
from gradcheck import precision
from gradcheck.law import functions
from gradcheck.readings.balls import Balls
from gradcheck.readings.running import Running
from gradcheck.readings.running.parts import arithmetic, granted
from gradcheck.readings.tape import Gradients, Variable
from gradcheck.readings.working import working

DTYPES = pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
SCALES = 10.0 ** np.arange(-8, 3)


def arrays(dtype: str) -> list[np.ndarray]:
    """Of every size at which tanh is straight, bent or flat."""
    rng = np.random.default_rng(0)
    return [(rng.normal(size=(4, 3)) * scale).astype(dtype) for scale in SCALES]


def within(found: Running, values: np.ndarray) -> bool:
    """Whether these may have been computed."""
    return bool((abs(np.asarray(values, dtype=np.longdouble) - found.value) <= found.error).all())


def test_one_thread_at_a_time_is_granted_a_precision():
    seen = []

    def other() -> None:
        with granted(precision.FLOAT64.dtype, precision.named("float16")):
            seen.append(arithmetic(precision.FLOAT64.dtype).name)

    waiting = Thread(target=other)
    with granted(precision.FLOAT64.dtype, precision.named("float32")):
        waiting.start()
        waiting.join(0.05)
        assert waiting.is_alive() and arithmetic(precision.FLOAT64.dtype).name == "float32"
    waiting.join()
    assert seen == ["float16"] and arithmetic(precision.FLOAT64.dtype).name == "float64"


@DTYPES
def test_tanh_lies_within_the_running_error(dtype):
    """Of tanh, and of logits that are capped by a number that the precision does not have."""
    for x in arrays(dtype):
        carried, exact = Running.exact(x), x.astype(np.longdouble)
        assert within(np.tanh(carried), np.tanh(x))
        assert within(np.tanh(carried), np.tanh(exact))
        capped = np.tanh(carried / 0.3) * 0.3
        assert within(capped, np.tanh(x / 0.3) * 0.3)
        assert within(capped, np.tanh(exact / np.longdouble(0.3)) * np.longdouble(0.3))


def test_the_error_of_tanh_goes_with_its_slope():
    """Where tanh is flat an error vanishes, and where that reaches to 0 it is passed on as it is."""
    x, e = np.array([0.0, 1.0, 20.0, 1.0]), np.array([0.01, 0.01, 0.01, 3.0])
    found = np.tanh(Running(x, e)).error
    ends = np.maximum(np.tanh(x + e) - np.tanh(x), np.tanh(x) - np.tanh(x - e))
    assert (found >= ends).all()
    assert found[1] < 1.03 * ends[1]
    assert found[2] < 1e-14
    assert found[3] <= 2.1
    assert np.isinf(np.tanh(Running(np.zeros(1), np.full(1, np.nan))).error).all()


@DTYPES
def test_a_log_sum_exp_lies_within_the_running_error(dtype):
    """Of the shape (1, n), as the other readings have it."""
    for x in arrays(dtype):
        exact = x.astype(np.longdouble)
        found = Running.exact(x).log_sum_exp()
        assert found.shape == (1, 3)
        assert within(found, functions.log_sum_exp(x))
        top = exact.max(axis=0, keepdims=True)
        assert within(found, top + np.log(np.exp(exact - top).sum(axis=0, keepdims=True)))


def test_a_number_that_the_precision_does_not_have_is_rounded():
    """0.1 in float32 is off by up to u of itself, 0.5 is not, and neither is anything in float64."""
    one = Running.exact(np.ones(2, dtype="float32"))
    u = precision.named("float32").u
    assert (one * 0.5).error.max() == 0
    assert (one * 0.1).error.min() >= 1.9 * u * 0.1
    assert abs(float(np.float32(0.1)) - 0.1) <= (np.where(np.array([True, False]), one * 0.1, 0.1).error).min()
    assert np.where(np.array([False]), Running.exact(np.ones(1)), 0.1).error.max() == 0
    array = Running.exact(np.zeros(2, dtype="float32"))
    array[0] = 0.1
    assert array.error[0] >= u * 0.1
    assert array.error[1] == 0


def test_whole_numbers_become_real_where_numpy_makes_them_real():
    """Times a number with a point, in quotients and in functions."""
    ones = Running.exact(np.ones((2, 2), dtype=np.int64))
    assert (ones * 2).dtype == np.int64
    assert {(ones * 0.1).dtype, (ones / 3).dtype, np.exp(ones).dtype, np.tanh(ones).dtype} == {np.dtype(np.float64)}
    assert ((ones * 0.1) * 3).error.min() > 0
    assert ones.values() is ones.value


def test_infinity_times_what_may_be_0_is_not_known():
    """Nor divided by it, nor in a matrix product: of either sign, or NaN. Times what is not 0, it is infinite beyond doubt."""
    infinite, doubtful = (
        Running(np.full((1, 1), np.inf), np.zeros((1, 1))),
        Running(np.full((1, 1), 1e-9), np.full((1, 1), 1e-8)),
    )
    for found in (
        infinite * doubtful,
        doubtful * infinite,
        infinite / doubtful,
        infinite @ doubtful,
        doubtful @ infinite,
    ):
        assert np.isinf(found.error).all()
    for found in (infinite * 2, infinite / 2, infinite @ np.ones((1, 1))):
        assert np.isposinf(found.value).all()
        assert not found.error.any()


@pytest.mark.parametrize(
    ("function", "at", "off", "truth"),
    [
        (lambda x: gnp.power(x, 0.5), 0.0, 2.0, 2.0**0.5),
        (gnp.exp, -800.0, 790.0, np.exp(-10)),
        (gnp.expm1, -800.0, 810.0, np.expm1(10)),
    ],
)
def test_what_is_0_in_float64_may_be_anything_within_a_large_error(function, at, off, truth):
    found = function(Running(np.array([at]), np.array([off]), np.dtype(np.float64)))
    assert abs(truth - found.value[0]) <= found.error[0]


@pytest.mark.parametrize(
    "summed",
    [
        lambda x: x.sum(),
        lambda x: x @ Running.exact(np.ones(3, dtype=np.float16)).reshape(3, 1),
        lambda x: np.cumsum(x, axis=1)[:, 2],
    ],
    ids=["sum", "matmul", "cumsum"],
)
def test_nothing_is_known_of_a_sum_whose_partial_sums_may_overflow(summed):
    """60000 + 60000 - 60000 is 60000 or infinite, as it is added up."""
    x = Running.exact(np.array([[60000.0, 60000.0, -60000.0]], dtype=np.float16))
    found = summed(x)
    assert np.isinf(found.error).all()
    half = summed(Running.exact(np.array([[20000.0, 20000.0, -20000.0]], dtype=np.float16)))
    assert np.isfinite(half.error).all()


MASKS = {
    "logsumexp": lambda S, *, np: np.mean(np.logsumexp(S)),
    "softmax": lambda S, *, np: np.mean(np.softmax(S) ** 2),
    "log_softmax": lambda S, *, np: np.sum(np.where(-np.inf < S, np.log_softmax(S), 0)),
}


@pytest.mark.parametrize("name", MASKS)
def test_what_is_masked_has_no_part_of_a_softmax(name):
    """-inf beyond doubt: as sharp as without it, and none where a column has nothing else."""
    draw = np.random.default_rng(4)
    Z = draw.normal(size=(4, 6)) * 3
    masked = draw.random((4, 6)) < 0.4
    masked[:, 0], masked[:, 1] = [False, True, True, True], [False, False, True, True]
    kind = np.dtype("float32")
    error = abs(Z) * 2.0**-24

    def read(array, error):
        variable = Variable(Running(array, error, kind))
        found = MASKS[name](gnp.where(masked, -np.inf, variable), np=gnp)
        return found.array, Gradients(found)[variable]

    value, D = read(Z, error)
    variable = Variable(Balls.exact(Z))
    with working(200):
        exact = MASKS[name](gnp.where(masked, -np.inf, variable), np=gnp)
        truth = Gradients(exact)[variable].values()
    assert abs(value.value - exact.array.values()) <= value.error < 1e-4
    assert (abs(D.value - truth) <= D.error).all()
    assert (D.error < 1e-5).all()
    assert (truth[masked] == 0).all()
    masked[:, 2] = True
    assert np.isinf(read(Z, error)[0].error) == (name != "log_softmax")  # of which nothing is taken there


@pytest.mark.parametrize(
    ("value", "error", "found", "off"),
    [
        (3e-8, 1e-10, 3e-8, 1e-10 + 2.0**-24),  # below the smallest normal number it has another grid
        (3e-8, 0.0, 2.0**-24, 0.0),
        (1e5, 1.0, np.inf, 0.0),
        (65000.0, 1000.0, 65000.0, np.inf),
        (1.5, 0.125, 1.5, 0.125),
        (1.5, 0.0, 1.5, 0.0),
    ],
)
def test_a_precision_of_more_digits_and_a_smaller_range_underflows_and_overflows(value, error, found, off):
    """bfloat16 to float16."""
    kind = precision.named("bfloat16").dtype
    it = Running(np.array(value), np.array(error), kind).astype(np.float16)
    assert it.value == found
    assert off <= it.error <= off * (1 + 2.0**-40)
