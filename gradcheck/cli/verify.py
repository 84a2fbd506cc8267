"""`gradcheck verify TARGET`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gradcheck.cli.group import INTERRUPTED, main
from gradcheck.cli.options import layout_options, target
from gradcheck.cli.progress import progress

if TYPE_CHECKING:
    from gradcheck.implementations import Implementation
    from gradcheck.verify import Run

_file = click.Path(dir_okay=False, path_type=Path)


@main.command()
@click.argument("name", metavar="TARGET")
@click.option(
    "--dtype", "dtypes", multiple=True, help="float64, float32, float16 or bfloat16; several may be given. [float64]"
)
@click.option("--max-examples", default=500, show_default=True, type=click.IntRange(1), help="Problems for each dtype.")
@click.option(
    "--seed", default=0, show_default=True, type=click.IntRange(0), help="The same seed poses the same problems."
)
@click.option("--check", "checks", multiple=True, metavar="GLOB", help="Only these checks, such as '*gradient*'.")
@click.option(
    "--regime", "regimes", multiple=True, metavar="GLOB", help="Only problems of these regimes; opt-in ones too."
)
@layout_options
@click.option(
    "--cases", default="cases", show_default=True, type=click.Path(path_type=Path), help="Where failing problems go."
)
@click.option(
    "--json", "json_file", type=_file, metavar="FILE", help="Write everything found as JSON; - is standard output."
)
@click.option("--junit", type=_file, metavar="FILE", help="Write JUnit XML.")
@click.option("--html", type=_file, metavar="FILE", help="Write a page.")
def verify(
    *,
    name: str,
    dtypes: tuple[str, ...],
    max_examples: int,
    seed: int,
    checks: tuple[str, ...],
    regimes: tuple[str, ...],
    cases: Path,
    json_file: Path | None,
    junit: Path | None,
    html: Path | None,
    **layout: Any,
) -> None:
    """Pose problems to TARGET and judge everything that it computes.

    TARGET is a built-in name (see `gradcheck targets`), package.module:object, or path/to/file.py:object: a module, an object
    or a gradcheck.Implementation with any of gradients, loss, logits, softmax, softmax_jacobian; a bare function is taken as
    gradients(theta, b, X, Y).
    """
    from gradcheck import conformance, reports
    from gradcheck.verify import status

    files = {kind: path for kind, path in (("json", json_file), ("junit", junit), ("html", html)) if path}
    for kind, path in files.items():
        reports.prepare(kind, path)
    implementation = target(name, layout)
    asked = tuple(dict.fromkeys(dtypes)) or _default(implementation)
    for dtype in asked:
        conformance.require(implementation, dtype)
    results = reports.console(quiet=Path("-") in files.values())
    runs: list[Run] = []
    for dtype in asked:
        with progress(f"{name} {dtype}", max_examples) as bar:
            found = conformance.conform(
                implementation,
                dtype=dtype,
                checks=checks,
                regimes=regimes,
                max_examples=max_examples,
                seed=seed,
                progress=bar,
            )
        runs.append(conformance.saved(found, cases))
        reports.terminal.show(runs[-1], results)
        if found.interrupted:
            break
    for kind, path in files.items():
        reports.write(path, reports.FORMATS[kind](runs))
    sys.exit(INTERRUPTED if runs[-1].interrupted else status(runs))


def _default(implementation: "Implementation") -> tuple[str, ...]:
    """float64 where the target is made for it, otherwise the first precision that it is made for."""
    return ("float64",) if "float64" in implementation.dtypes else implementation.dtypes[:1]
