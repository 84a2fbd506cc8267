"""What is granted, in numbers: a bound that changes is seen, and written down on purpose by `python properties/granted.py`.

Of one problem, under options of the loss and declared arithmetics, each bound as one number: its entries, each with a weight of
its own. In float16, where what underflows and each rounding is a part that is seen.
"""

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from gradcheck import Arithmetic, CrossEntropy, Problem, bounds
from gradcheck.arithmetic import granted
from gradcheck.bounds import Loss, Upstream, differences, multiplied, weights
from gradcheck.bounds.columns import columns
from gradcheck.bounds.error_model import ErrorModel
from gradcheck.bounds.multiplied import Factors
from gradcheck.bounds.summed import Masses, Slope
from gradcheck.bounds.usual import usual
from gradcheck.precision import FLOAT64, Precision, named
from gradcheck.referees import ball

FILE = Path(__file__).with_suffix(".json")
LAWS: dict[str, dict[str, Any]] = {
    "plain": {},
    "a sum, weighed": {"reduction": "sum", "class_weight": (1.0, 0.5, 2.0, 0.25)},
    "a mean of weights": {"class_weight": (1.0, 0.5, 2.0, 0.25), "mean_of": "weights"},
    "smoothed": {"smoothing": 0.25},
    "smoothed over others": {"smoothing": 0.9, "smoothing_over": "others", "mean_of": 2},
    "squares": {"z_loss": 0.5, "mean_of": "labelled"},
    "capped": {"softcap": 4.0, "scale": 0.5},
    "scaled": {"scale": 2.0, "l2": 0.25, "l2_bias": True},
}
ARITHMETICS: dict[str, dict[str, Any]] = {
    "plain": {},
    "fine sums": {"accumulate": "float32"},
    "coarse sums": {"accumulate": "bfloat16"},
    "fine inside": {"inner": "float32"},
    "stored": {"inner": "float32", "stored": "bfloat16"},
    "pieces": {"pieces": 3, "merged": 2},
    "blocks": {"sums": "blocked:2"},
    "chain": {"sums": "chain:1"},
    "flushed": {"subnormals": "flushed"},
}
QUANTITIES = ("Z", "D", "theta", "b", "X", "loss")
BESIDE = (
    ("plain", "stored"),
    ("plain", "squares"),
)  # arithmetics that every law stands beside, and laws that every arithmetic does
DIGITS = 9


def problem(law: CrossEntropy) -> Problem:
    """Of four classes and three samples, whose labels have two classes, one, and a mass that is not 1 where that may be."""
    draw = np.random.default_rng(0)
    theta, b, X = (draw.integers(-16, 17, shape) / 8 for shape in ((4, 3), (4, 1), (3, 3)))
    Y = np.array([[0.5, 0.0, 0.0], [0.5, 1.0, 0.0], [0.0, 0.0, 0.25], [0.0, 0.0, 0.75]])
    return Problem(*(array.astype("float16") for array in (theta, b, X, Y))).with_law(law)


def number(values: Any) -> float | str:
    """Entries with weights that differ, as one number; what JSON has no word for, in one."""
    flat = np.ravel(np.asarray(values, dtype=float))
    found = float(flat @ np.linspace(1, 2, len(flat)))
    return float(f"{found:.{DIGITS}g}") if np.isfinite(found) else str(found)


def of_entries(law: CrossEntropy, p: Precision) -> dict[str, Any]:
    """Each bound of a problem, and of its gradients with an upstream gradient."""
    truth = ball.truth(problem(law))
    of = truth.bounds_in(p)
    own = {field.name: getattr(of, field.name) for field in fields(bounds.Allowed)}
    by = Upstream(**own, upstream=np.array([4.0, 0.5, 1.0]), operations=2)
    found = {name: getattr(of, name) for name in QUANTITIES}
    found |= {f"c {name}": getattr(by, name) for name in ("D", "theta", "b", "X")}
    found |= {field.name: getattr(of.softmax, field.name) for field in fields(of.softmax)}
    each = bounds.loss_error(of.folded, of.softmax, each=True)
    return found | {"each": each, "twice": bounds.loss_error(of.folded, of.softmax, times=2)}


def of_columns(law: CrossEntropy, p: Precision) -> dict[str, Any]:
    """Each bound of an audit, of three samples."""
    model = ErrorModel(p, named("float16"), operands=1, X=1, theta=1)
    loss = Loss(law, 2.5, 3, 4, not law.smoothing, model, FLOAT64)
    found = columns(
        np.array([3.0, 9.0, 800.0]),
        np.array([2.0, -1.0, 0.5]),
        4,
        arithmetic=model,
        own=FLOAT64,
        logits=(np.array([0.0, 2.0**-9, 2.0**-6]), np.full(3, 2.0**-40)),
    )
    masses = Masses(*(np.array([1.0, 0.5, 0.25]) / k for k in (1, 2, 4, 8)), np.array([True, False, True]))
    slope = Slope(np.array([0.5, 1.0, 0.25]), np.full(3, 2.0**-8), np.full(3, 2.0**-40)) if law.mapped else None
    of = differences(found, masses, loss, slope)
    factors = Factors(np.array([4.0, 0.5, 1.0]), np.array([4.0, 1.0, 1.0]), 8.0)
    parts: dict[str, Any] = {
        "column": found,
        "D": of,
        "c D": multiplied(of, found, factors, masses.mass, loss),
        "samples": weights(of, masses.mass, loss),
        "classes": weights(of, masses.mass, loss, classes=True),
    }
    named_ = {f"{name} {f.name}": getattr(part, f.name) for name, part in parts.items() for f in fields(part)}
    return named_ | {"usual": usual(model, 6, np.full(2, 3.0), np.array([5.0, 0.5]), 0.5)}


def table() -> dict[str, dict[str, float | str]]:
    """Of each law and arithmetic."""
    found = {}
    for law, name in [(a, b) for a in LAWS for b in ARITHMETICS if b in BESIDE[0] or a in BESIDE[1]]:
        options, declared = LAWS[law], ARITHMETICS[name]
        p = replace(granted("float16", Arithmetic(**declared)), returned=0.0)
        for kind in (of_entries, of_columns):
            with np.errstate(all="ignore"):
                values = kind(CrossEntropy(**options), p)
            found[f"{law}, {name}, {kind.__name__[3:]}"] = {key: number(value) for key, value in values.items()}
    return found


def written() -> dict[str, dict[str, float | str]]:
    """As it was when it was written down."""
    found: dict[str, dict[str, float | str]] = json.loads(FILE.read_text(encoding="utf-8"))
    return found


if __name__ == "__main__":
    lines = ",\n".join(f" {json.dumps(key)}: {json.dumps(row)}" for key, row in table().items())
    FILE.write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")
