"""The rule of each project, re-created: its inputs, its shapes (tokens, V), all of which must pass, and its tolerance."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Array = np.ndarray
Draw = Callable[[np.random.Generator, tuple[int, int]], Array]


def normal(draw: np.random.Generator, shape: tuple[int, int]) -> Array:
    return draw.standard_normal(shape)


def uniform(draw: np.random.Generator, shape: tuple[int, int]) -> Array:
    return draw.random(shape)


def tenth(draw: np.random.Generator, shape: tuple[int, int]) -> Array:
    return 0.1 * normal(draw, shape)


@dataclass(frozen=True)
class Rule:
    """|got - expected| <= atol + rtol |expected|, of arrays in `dtype`; `mean` over the tokens, or an upstream gradient each."""

    project: str
    dtype: str
    draw: Draw
    shapes: tuple[tuple[int, int], ...]
    mean: bool
    atol: Callable[[int], float]
    rtol: float

    def passes(self, got: Array, expected: Array) -> bool:
        got, expected = got.astype(np.float64), expected.astype(np.float64)
        return bool((abs(got - expected) <= self.atol(got.shape[1]) + self.rtol * abs(expected)).all())


def fixed(atol: float) -> Callable[[int], float]:
    return lambda V: atol


BF16, F16, F32 = "bfloat16", "float16", "float32"
GPT2, LLAMA = (4096, 50257), (4096, 128256)
RULES = (
    Rule("GPU MODE princeton", BF16, normal, ((4096, 32000), (4096, 50264), LLAMA), False, fixed(1e-3), 1e-2),
    Rule("flash-attention", F32, normal, (GPT2, LLAMA), True, fixed(1e-6), 1e-5),
    Rule("flash-attention", F16, normal, ((16384, 50257), (16384, 128256)), True, fixed(1e-4), 1e-3),
    Rule("Transformer Engine", F32, uniform, ((64, 64000), (256, 128000)), True, fixed(1e-5), 1.3e-6),
    Rule("Transformer Engine", BF16, uniform, ((64, 64000), (256, 128000)), True, fixed(1e-5), 1.6e-2),
    Rule("robust-kbench mnist", F32, normal, ((64, 10), (4096, 100)), True, fixed(1e-5), 1e-5),
    Rule("quack, V of real models", F32, tenth, ((289, 128256), (289, 262144)), False, fixed(5e-5), 1e-5),
    Rule("FlagGems, mean", F32, normal, ((4096, 256), (600, 40999)), True, lambda V: 1e-4 * V, 1.3e-6),
    Rule("FlagGems, unreduced", F32, normal, ((600, 40999),), False, lambda V: 1e-4 * V, 1.3e-6),
    Rule("Liger", F32, normal, ((8192, 32000), (1269, 32000)), True, fixed(1e-8), 1e-6),
    Rule("Liger", BF16, normal, ((8192, 32000), (1269, 32000)), True, fixed(1e-8), 5e-2),
)
