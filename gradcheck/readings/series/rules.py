"""What each primitive is along a line: by its own column, by its ball, or by its derivative."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import flint

from gradcheck.readings import balls
from gradcheck.readings.balls import Balls
from gradcheck.readings.primitives import table
from gradcheck.readings.primitives.table import Primitive
from gradcheck.readings.series.array import CALLED, KINK, Series, constants, heads, lifted, require_sure, straight
from gradcheck.readings.series.kinks import NoSeries


def read(primitive: Primitive, operands: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """A primitive along the line: by its own column, by its ball, or by its derivative."""
    if primitive.flat:
        return _constant(primitive, operands, options)
    series = [lifted(operand) for operand in operands]
    if primitive.series is not None:
        return primitive.series(*series, **options)
    sums = primitive.moves or primitive.linear
    direct = None if sums else _of_series(primitive.ball)
    about = straight("sum" if sums else primitive.name, *series)
    if about is None:
        series = [one.settled() for one in series]
    held = tuple(one.balls for one in series)
    if sums:
        require_sure(primitive.name, *options.values())
        return constants(balls.read(primitive, held, options), about)
    if direct is not None:
        return _direct(primitive.name, direct, held, about)
    if primitive.each and primitive.derivatives and primitive.ball is not None:
        return _grown(primitive, primitive.ball, series, options)
    raise NoSeries(f"no Taylor series of {primitive.name} is known")


def _of_series(ball: Any) -> Any:
    """The same function of series: an operator, or python-flint's of the same name."""
    name = getattr(ball, "__name__", "")
    if getattr(flint.arb, name, None) is ball:
        return getattr(flint.arb_series, name, None)
    return ball if name in ("add", "sub", "mul", "truediv") else None


def _direct(name: str, function: Any, held: tuple[Balls, ...], about: Any) -> Series:
    try:
        return Series(balls.each(function, *held), about)
    except (ValueError, ZeroDivisionError):  # a divisor that may be 0
        raise NoSeries(f"a pole of {name} may lie in the step") from None


def _constant(primitive: Primitive, operands: tuple[Any, ...], options: dict[str, Any]) -> Balls:
    """What is flat wherever it has a derivative, where that is so over the whole step."""
    found: Balls = balls.read(primitive, heads(operands), options)
    if not all(entry.is_exact() for entry in found.entries):
        raise NoSeries(KINK.format(name=CALLED.get(primitive.name, primitive.name)))
    return found


def _grown(primitive: Primitive, ball: Any, operands: list[Series], options: dict[str, Any]) -> Series:
    """y = y(0) + the integral of y', which is of its derivative column: each turn gives one more coefficient."""
    rates = [Series(balls.each(flint.arb_series.derivative, operand.balls)) for operand in operands]
    y: Any = constants(balls.each(ball, *(operand.term(0) for operand in operands), **options))
    start = y
    for known in range(1, flint.ctx.cap):
        with capped(known):
            flows = [
                lifted(rule(rate, y, *operands, **options))
                for rule, rate in zip(primitive.derivatives, rates, strict=True)
                if any(entry.length() for entry in rate.balls.entries)
            ]
        y = start
        for flow in flows:
            y = y + Series(balls.each(flint.arb_series.integral, flow.balls))
    return y


@contextmanager
def capped(count: int) -> Iterator[None]:
    """Within it, series have so many coefficients."""
    before, flint.ctx.cap = flint.ctx.cap, count
    try:
        yield
    finally:
        flint.ctx.cap = before


table.READERS[Series] = 3, read
