"""`gradcheck audit DUMP`."""

from pathlib import Path
from typing import Any

import click

from gradcheck.cli.group import STATUS, leave, main
from gradcheck.cli.losses import law_options
from gradcheck.cli.options import arithmetic_options, said_of
from gradcheck.errors import Unusable
from gradcheck.law.options import FIELDS as LAW

REPORTS, OF_DUMPS = (
    (".json", ".html"),
    ("layout.json", "zarr.json"),
)  # what may be replaced in a dump's folder, and what not


@main.command(epilog=STATUS)
@click.argument("dump", metavar="DUMP", type=click.Path(path_type=Path))
@click.option(
    "--samples", type=click.Choice(["columns", "rows"]), help="Samples are columns or rows of X, Y, Z, A. [columns]"
)
@click.option(
    "--factor", type=float, metavar="C", help="The loss was multiplied by it before its gradients were taken. [1]"
)
@arithmetic_options
@law_options
@click.option(
    "--probes", default=16, show_default=True, type=click.IntRange(1), help="Random vectors over all columns."
)
@click.option(
    "--memory", default=512, show_default=True, type=click.IntRange(1), help="MiB beside the pages of the dump."
)
@click.option("--seed", default=0, type=click.IntRange(0), help="The same seed draws the same vectors. [0]")
@click.option(
    "--scheduler", metavar="ADDRESS", help="A Dask scheduler, such as tcp://host:8786, whose workers see DUMP."
)
@click.option(
    "--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="As in verify."
)
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write a page.")
def audit(
    *,
    dump: Path,
    samples: str | None,
    factor: float | None,
    probes: int,
    memory: int,
    seed: int,
    scheduler: str | None,
    json_file: Path | None,
    html: Path | None,
    **declared: Any,
) -> None:
    """Judge the gradient of one real training step, for less than it cost to compute.

    DUMP is a folder of .npy files, a Zarr group, or a file .npz or .safetensors, with theta, b, X, Y and any of Z, A, loss,
    grad_theta, grad_b, grad_Z, grad_X. It is mapped and streamed. What is judged, and what is certified: docs/audit.md.
    """
    from gradcheck import reports
    from gradcheck.auditing import audit_path, report
    from gradcheck.cli import audit_page, audited, progress

    for file in (json_file, html):
        _require_apart(dump, file)
    reports.prepare(json_file, html)
    law = said_of(LAW, declared)
    asked = {"samples": samples, "factor": factor, **law, **declared}
    layout = {name: value for name, value in asked.items() if value is not None}
    with progress.samples(f"auditing {dump}") as told:
        found = audit_path(
            dump, layout=layout, probes=probes, seed=seed, memory=memory << 20,
            scheduler=scheduler, told=told,
        )  # fmt: skip
    audited.show(found, reports.console(quiet=Path("-") in (json_file, html)))
    if json_file:
        reports.write(json_file, report.text(found))
    if html:
        reports.write(html, audit_page.text(found))
    leave(found.status)


def _require_apart(dump: Path, file: Path | None) -> None:
    """`Unusable` where a report would be written over what is audited."""
    if file is None or not file.exists():
        return
    there, whole = file.resolve(), dump.resolve()
    if there == whole or (whole in there.parents and (there.suffix not in REPORTS or there.name in OF_DUMPS)):
        raise Unusable(f"cannot write {file}: it is of the dump that is audited; expected another file")
