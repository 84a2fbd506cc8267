"""A jaxpr, equation by equation, in the arithmetic of the arrays that are given. What it calls stands in its place."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradcheck.errors import Unusable
from gradcheck.readings.jaxpr import blocks, control, door
from gradcheck.readings.jaxpr.choosing import FIRST, First
from gradcheck.readings.jaxpr.folding import folded
from gradcheck.readings.jaxpr.kinds import Reading, floating, known, known_dtype, under
from gradcheck.readings.jaxpr.rules import RULES
from gradcheck.readings.jaxpr.step import Made, Step
from gradcheck.readings.running import Running

CALLS = {"pjit", "jit", "closed_call", "core_call", "custom_jvp_call", "custom_vjp_call", "custom_vjp_call_jaxpr"}
CALLS |= {"remat", "remat2", "checkpoint"}


class Interpreter:
    """Of one reading."""

    def __init__(self, reading: Reading) -> None:
        self.reading, self.made = reading, Made()

    def run(self, jaxpr: Any, constants: Sequence[Any], arrays: Sequence[Any]) -> list[Any]:
        """What it returns."""
        known_as = dict(zip(jaxpr.constvars, map(self.given, constants), strict=True))
        known_as.update(zip(jaxpr.invars, arrays, strict=True))

        def read(variable: Any) -> Any:
            return self.given(variable.val, variable.aval.dtype) if hasattr(variable, "val") else known_as[variable]

        for equation in jaxpr.eqns:
            found = self.step(equation, [read(variable) for variable in equation.invars])
            known_as.update(zip(equation.outvars, found, strict=True))
        return [read(variable) for variable in jaxpr.outvars]

    def given(self, array: Any, dtype: Any = None) -> Any:
        """Numbers that stand in the text; a single one of Python is of the dtype that JAX takes it for."""
        found = np.asarray(array)
        dtype = found.dtype if dtype is None else np.dtype(dtype)
        if not floating(dtype):
            return found.astype(dtype, copy=False)
        constant = found.ndim == 0 and dtype.kind != "c"
        return self.reading.constant(found, dtype) if constant else self.reading.numbers(found, dtype)

    def step(self, equation: Any, operands: list[Any]) -> list[Any]:
        """What one equation makes."""
        name = equation.primitive.name
        if name in CALLS:
            return self.called(equation, operands)
        if name in control.RULES:
            return control.RULES[name](self, equation, operands)
        step = Step(equation, self.reading, self.made)
        whole = not any(floating(variable.aval.dtype) for variable in equation.outvars)
        if whole and operands and all(map(known, operands)):
            return (
                door.bound(equation, operands) if name not in RULES or name in DIFFERENT else self.ruled(step, operands)
            )
        number = folded(step, operands)
        return self.ruled(step, operands) if number is None else [number]

    def ruled(self, step: Step, operands: list[Any]) -> list[Any]:
        """By its line in the table."""
        rule = RULES.get(step.name)
        if rule is None:
            raise Unusable(
                f"lax.{step.name} is not among what a traced loss may be made of: gradcheck.readings.jaxpr.rules"
            )
        for variable in step.equation.outvars:
            known_dtype(variable.aval.dtype)
        if any(isinstance(x, First) for x in operands[step.name in BY_NUMBER :]):
            raise Unusable(FIRST)
        with np.errstate(all="ignore"):
            found = rule(step, *operands)
        results = found if isinstance(found, list) else [found]
        self.keep(step, operands, results)
        return results

    def keep(self, step: Step, operands: list[Any], results: list[Any]) -> None:
        """Of what each was made, and no dtype but that which it is said to have."""
        for variable, result in zip(step.equation.outvars, results, strict=True):
            array = under(result)
            if isinstance(array, Running) and not self.reading.wide and array.dtype != variable.aval.dtype:
                raise AssertionError(f"{step.name} made {array.dtype} of {variable.aval.dtype}")
            if all(result is not operand for operand in operands):
                self.made[id(result)] = result, step, tuple(operands)

    def called(self, equation: Any, operands: list[Any]) -> list[Any]:
        """What it calls; of a few functions, these themselves."""
        jaxpr, constants = door.inner(equation)
        named = blocks.found(str(equation.params.get("name", equation.primitive.name)), jaxpr)
        if named is not None:
            return [named(*operands)]
        return self.run(jaxpr, constants, operands)


BY_NUMBER = {"select_n", "eq", "ne"}  # what can ask the first of several conditions which it is
# of whole numbers, what JAX itself does by an equation whose rule is of real ones
DIFFERENT = {"div", "argmax", "argmin", "dot_general", "sign", "sort", "top_k"}
DIFFERENT |= {"reduce_max", "reduce_min", "reduce_sum", "reduce_prod", "reduce_or", "reduce_and"}
DIFFERENT |= {"cumsum", "cumprod", "cummax", "cummin", "scatter", "scatter-add", "scatter-mul"}
