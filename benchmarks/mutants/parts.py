"""What is changed, part by part, and which properties are about it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.mutants.changes import Source

ROOT = Path(__file__).parents[2]
READINGS = "gradcheck/readings"


@dataclass(frozen=True)
class Part:
    """Files, or folders with all that is in them that no other part names itself; and the properties that are about them."""

    code: str
    about: str

    @property
    def files(self) -> list[str]:
        places = sorted(path for pattern in self.code.split() for path in ROOT.glob(pattern))
        found = [each for path in places for each in ([path] if path.is_file() else sorted(path.rglob("*.py")))]
        paths = [str(path.relative_to(ROOT)) for path in found]
        elsewhere = {word for part in PARTS.values() for word in part.code.split()} - {*self.code.split()}
        return [path for path in paths if path not in elsewhere]

    @property
    def tests(self) -> list[str]:
        return [f"properties/test_{name}.py" for name in self.about.split()]


ROUNDING = (
    "declared counts sharpness allowances differences model bounds enclosure ranges sums depth options_rounding lost"
)
PARTS = {
    "model": Part(
        "gradcheck/model.py gradcheck/law",
        f"{ROUNDING} softmax_jacobian chain_rule readings folding law law_words law_text own_loss",
    ),
    "bounds": Part(
        "gradcheck/bounds",
        f"{ROUNDING} sharpness_of_laws sharpness_of_columns sharpness_of_parts granted folding bending entries freivalds referees "
        "own_loss_truth grants",
    ),
    "referees": Part(
        "gradcheck/referees",
        f"{ROUNDING} bends referees entries freivalds softmax_jacobian bending own_check_grad series own_loss_truth alike plans",
    ),
    "checks": Part(
        "gradcheck/checks",
        "bars checks_of_laws allowances reasons checks state uses repeating bending series softmax_jacobian own_check_grad "
        "own_loss nothing declared exact palette",
    ),
    "arithmetic": Part(
        "gradcheck/arithmetic.py gradcheck/precision.py gradcheck/enclosure.py", f"{ROUNDING} law grants uses state"
    ),
    "primitives": Part(
        f"{READINGS}/primitives {READINGS}/running",
        "rules rules_of_arrays running primitives ordered idioms readings own_loss_truth alike plans",
    ),
    "readings": Part(f"{READINGS}/*.py", "rules_of_arrays readings primitives own_constants own_loss own_loss_truth"),
    "series": Part(f"{READINGS}/series", "series bending own_check_grad"),
    "traced": Part(
        f"{READINGS}/jaxpr gradcheck/law/traced.py gradcheck/referees/traced.py", "traced traced_rules ordered"
    ),
    "notation": Part("gradcheck/numpy", "notation_values idioms ordered rules_of_arrays primitives own_loss"),
}


@dataclass(frozen=True)
class Mutant:
    """One change of one file, by its number; `function` is the outermost one that it is in, if any."""

    part: str
    path: str
    function: str
    number: int

    @property
    def identity(self) -> str:
        return f"{self.path}#{self.number}"


def mutants(part: str, sources: dict[str, Source]) -> Iterator[Mutant]:
    """All of one part."""
    for path in PARTS[part].files:
        source = sources.setdefault(path, Source(ROOT / path))
        yield from (Mutant(part, path, change.function, k) for k, change in enumerate(source.changes))
