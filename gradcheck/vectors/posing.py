"""Problems for vectors: small ones of one regime, drawn from a seed; of those drawn, the ones that tell most.

The same seed gives the same problems under one version of Hypothesis; a set that is to last is kept as files.
"""

from contextlib import suppress
from zlib import crc32

from hypothesis import HealthCheck, Phase, Verbosity, given, settings
from hypothesis import seed as seeded

from gradcheck.errors import Unusable
from gradcheck.implementations import NotPosed, posing
from gradcheck.law.options import PLAIN, CrossEntropy
from gradcheck.problem import Problem
from gradcheck.regimes import REGIMES, select
from gradcheck.strategies import problems
from gradcheck.vectors.certify import certify
from gradcheck.vectors.form import Vector

ENTRIES = 64  # of any array of a problem
DRAWN, CERTIFIED = 120, 12  # problems for each that is kept
LONG = ("large", "tiles")  # the regimes whose problems are not small


def regimes(globs: tuple[str, ...]) -> tuple[str, ...]:
    """The names that match any of the globs, without those of long problems; all that are not opt-in where there is none."""
    found = tuple(name for name in select(globs) if name not in LONG)
    if not found:
        raise Unusable(
            f"problems of the regimes {' and '.join(LONG)} are long; arrays of vectors have at most {ENTRIES} entries"
        )
    return found


def small(problem: Problem) -> bool:
    """Whether no array has more than `ENTRIES` entries."""
    return max(array.size for array in problem.reals) <= ENTRIES


def drawn(dtype: str, regime: str, seed: int, count: int, law: CrossEntropy = PLAIN) -> list[Problem]:
    """Different small problems of a regime that have such a loss, in the order in which Hypothesis draws them."""
    found: dict[str, Problem] = {}

    @seeded(crc32(f"{seed} {dtype} {regime}".encode()))  # else all regimes would be imposed on the same problems
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
        print_blob=False,
        verbosity=Verbosity.quiet,
    )
    @given(problems(dtypes=(dtype,), regimes=(regime,), ignored=law.ignore is not None))
    def keep(problem: Problem) -> None:
        with suppress(NotPosed):
            problem = posing.of(law, problem)
            if small(problem) and REGIMES[regime].holds(problem):
                found.setdefault(problem.digest, problem)

    keep()
    return list(found.values())


def vectors(dtype: str, regime: str, seed: int, count: int, law: CrossEntropy = PLAIN) -> list[Vector]:
    """`count` vectors of one precision, regime and loss; `Unusable` where so many different problems are not found."""
    found = sorted(drawn(dtype, regime, seed, DRAWN * count, law), key=_hides)
    if len(found) < count:
        of_it = "" if law.plain else " that have this loss"
        raise Unusable(
            f"only {len(found)} {dtype} problems of regime {regime}{of_it} were found; ask for fewer with --count"
        )
    certified = [Vector.of(problem, regime, certify(problem)) for problem in found[: CERTIFIED * count]]
    return sorted(certified, key=_untold)[:count]


def _hides(p: Problem) -> tuple[int, int]:
    """How many mistakes the shape hides: of a sum over one sample or feature, of two classes, of transposes; then the size."""
    return (p.n < 2) + (p.d < 2) + (p.L < 3) + (3 - len({p.L, p.d, p.n})), sum(array.size for array in p.reals)


def _untold(vector: Vector) -> int:
    """How many quantities cannot be told from zero."""
    return sum(not found.telling for found in vector.quantities.values())
