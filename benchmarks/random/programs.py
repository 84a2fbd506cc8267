"""Random programs: a few statements over primitives, of arrays of several shapes, nested, with a number at the end."""

import random
from dataclasses import dataclass
from math import prod

Shape = tuple[int, ...]
ENTRIES = 24  # of the largest array

UNARY = (
    "np.tanh({a})", "np.sigmoid({a})", "np.softplus({a})", "np.log_sigmoid({a})", "np.sin({a})", "np.cos({a})", "np.abs({a})",
    "np.sqrt(np.abs({a}) + {c})", "np.log(np.abs({a}) + {c})", "np.log1p(np.abs({a}))", "np.exp(-np.abs({a}))",
    "np.exp(np.tanh({a}))", "np.expm1(np.tanh({a}))", "np.square({a})",
    "{a} ** 3", "(np.abs({a}) + {c}) ** 1.5", "(np.abs({a}) + {c}) ** -1",
    "np.reciprocal(np.abs({a}) + {c})", "np.arccos(np.tanh({a}) * 0.75)", "np.relu({a})", "np.clip({a}, -{c}, {c})",
    "np.where({a} > {c}, {a} * {a}, {a})", "-{a}", "{a} * {c}", "{a} / {c}", "{c} - {a}", "np.maximum({a}, 0) * {c}",
)  # fmt: skip
BINARY = (
    "{a} + {b}", "{a} - {b}", "{a} * {b}", "{a} / (np.abs({b}) + {c})", "np.maximum({a}, {b})", "np.minimum({a}, {b})",
    "np.where({a} > {b}, {a}, {b} * {c})", "np.logaddexp({a}, {b})", "np.power(np.abs({a}) + {c}, np.tanh({b}))",
)  # fmt: skip
KEEPING = ("np.softmax({a}, axis={k})", "np.log_softmax({a}, axis={k})", "np.cumsum({a}, axis={k})")
REDUCING = ("sum", "mean", "max", "min", "logsumexp", "norm")


@dataclass(frozen=True)
class Drawn:
    """A text of x and y, with their shapes."""

    text: str
    shapes: tuple[Shape, Shape]


def drawn(rng: random.Random) -> Drawn:
    """A program of three to nine statements."""
    shapes = _shapes(rng)
    known: list[tuple[str, Shape]] = [("x", shapes[0]), ("y", shapes[1])]
    lines = []
    for k in range(rng.randint(3, 9)):
        text, shape = _statement(rng, known)
        lines.append(f"v{k} = {text}")
        known.append((f"v{k}", shape))
    ends = [name for name, _ in known[2:] if not any(name in line.split(" = ", 1)[1] for line in lines)]
    lines.append("return " + " + ".join(f"np.sum({name})" for name in ends))
    return Drawn("def loss(x, y, *, np):\n    " + "\n    ".join(lines) + "\n", shapes)


def _shapes(rng: random.Random) -> tuple[Shape, Shape]:
    shape = tuple(rng.randint(1, 4) for _ in range(rng.choice((1, 2, 2, 2, 3))))
    while prod(shape) > ENTRIES:
        shape = shape[1:]
    other = tuple(1 if rng.random() < 0.3 else size for size in shape)
    return shape, other[rng.randint(0, len(other) - 1) :] if rng.random() < 0.3 else other


def _statement(rng: random.Random, known: list[tuple[str, Shape]]) -> tuple[str, Shape]:
    a, shape = rng.choice(known)
    kind, c = rng.random(), rng.choice(("0.5", "2.0", "0.3", "1.25"))
    if kind < 0.35 or not shape:
        return rng.choice(UNARY).format(a=a, c=c), shape
    if kind < 0.65:
        fitting = [(b, s) for b, s in known if _together(shape, s)]
        b, other = rng.choice(fitting)
        return rng.choice(BINARY).format(a=a, b=b, c=c), _together(shape, other) or ()
    k = rng.randrange(len(shape))
    if kind < 0.75:
        return rng.choice(KEEPING).format(a=a, k=k), shape
    if kind < 0.87:
        keep = rng.random() < 0.6
        inner = f"np.square({a}) + 0.5" if (name := rng.choice(REDUCING)) == "norm" else a
        reduced = tuple(1 if j == k else size for j, size in enumerate(shape)) if keep else shape[:k] + shape[k + 1 :]
        return f"np.{name}({inner}, axis={k}, keepdims={keep})", reduced
    return _moved(rng, a, shape, k, known)


def _moved(rng: random.Random, a: str, shape: Shape, k: int, known: list[tuple[str, Shape]]) -> tuple[str, Shape]:
    pairs = [(b, s) for b, s in known if len(s) == len(shape) == 2 and s[0] == shape[1] and shape[0] * s[1] <= ENTRIES]
    if pairs and rng.random() < 0.5:
        b, other = rng.choice(pairs)
        return f"np.matmul({a}, {b})", (shape[0], other[1])
    which = rng.randrange(5)
    if which == 0:
        return f"np.transpose({a})", shape[::-1]
    if which == 1:
        return f"np.reshape({a}, ({prod(shape)},))", (prod(shape),)
    if which == 2 and prod(shape) * 2 <= ENTRIES:
        return f"np.concatenate([{a}, {a} * {a}], axis={k})", tuple(
            size * 2 if j == k else size for j, size in enumerate(shape)
        )
    if which == 3:
        chosen = [rng.randrange(shape[k]) for _ in range(rng.randint(1, 4))]
        if prod(shape) // shape[k] * len(chosen) <= ENTRIES:
            return f"np.take({a}, {chosen}, axis={k})", tuple(len(chosen) if j == k else s for j, s in enumerate(shape))
    return f"{a}[{rng.randrange(shape[0])}]", shape[1:]


def _together(a: Shape, b: Shape) -> Shape | None:
    long, short = (a, b) if len(a) >= len(b) else (b, a)
    padded = (1,) * (len(long) - len(short)) + short
    if any(1 not in (p, q) and p != q for p, q in zip(long, padded, strict=True)):
        return None
    found = tuple(max(p, q) for p, q in zip(long, padded, strict=True))
    return found if prod(found) <= ENTRIES else None
