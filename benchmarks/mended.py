"""Published faults, in the release that had them and in the one that mended them: `python -m benchmarks.mended`.

Both are downloaded from the index without what they need, unpacked, and judged by `gradcheck verify --kernel`, as anyone would.
Needs the extra `kernels`. Exits with 1 where a faulty release is not found, or a mended one is.
"""

import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import click

FUSED = "liger_kernel.ops.fused_linear_cross_entropy:LigerFusedLinearCrossEntropyFunction"
PLAIN = "liger_kernel.ops.cross_entropy:LigerCrossEntropyFunction"


class Mended(NamedTuple):
    """A fault: the package, its releases, what is called, what else is declared, and the checks that must find it."""

    what: str
    package: str
    faulty: str
    mended: str
    kernel: str
    words: tuple[str, ...]


NONE = ("--reduction", "none", "--check", "upstream_gradients_of_samples")
FAULTS = (
    Mended(
        "upstream gradients of samples are all taken to be the first one (#678, #680)",
        *("liger-kernel", "0.5.5", "0.5.10"),
        f'{PLAIN}(Z, Y, None, reduction="none")',
        NONE,
    ),
    Mended(
        "fused: the same, where each sample has its own (#968, #1298)",
        *("liger-kernel", "0.8.0", "0.8.2"),
        f'{FUSED}(X, theta, Y, b, reduction="none")',
        NONE,
    ),
    Mended(
        "lanes beyond the last class are -softcap, and not -inf",
        *("liger-kernel", "0.8.3", "0.8.4"),
        f"{PLAIN}(Z, Y, None, softcap=softcap)",
        ("--check", "loss", "--check", "logits_gradient"),
    ),
)


def unpacked(package: str, version: str, folder: Path) -> Path:
    """That release, alone, in a folder of its own."""
    place = folder / f"{package}-{version}"
    download = ("-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:", f"{package}=={version}")
    subprocess.run([sys.executable, *download, "--dest", str(place)], check=True)
    for wheel in place.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(place)
    return place


def judged(fault: Mended, release: Path, count: int) -> tuple[int, str]:
    """The exit status of the command, and what it says in short."""
    words = ("verify", "--kernel", fault.kernel, *fault.words, "--max-examples", str(count), "--quiet")
    path = os.pathsep.join((str(release), str(Path.cwd()), os.environ.get("PYTHONPATH", "")))
    with tempfile.TemporaryDirectory() as cases:
        ran = subprocess.run(
            [sys.executable, "-m", "gradcheck", *words, "--cases", cases],
            env={**os.environ, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
    return ran.returncode, " ".join((ran.stdout or ran.stderr).split())


def told(fault: Mended, count: int, folder: Path) -> Iterator[bool]:
    """Whether each release is as it should be, told in a line."""
    for version, expected in ((fault.faulty, 1), (fault.mended, 0)):
        status, line = judged(fault, unpacked(fault.package, version, folder), count)
        click.echo(f"{fault.package} {version}: {line}" + ("" if status == expected else "  [not as expected]"))
        yield status == expected


@click.command()
@click.option("--max-examples", default=25, show_default=True)
def main(max_examples: int) -> None:
    """Every fault, in two releases."""
    with tempfile.TemporaryDirectory() as folder:
        right = []
        for fault in FAULTS:
            click.echo(fault.what)
            right += told(fault, max_examples, Path(folder))
    sys.exit(not all(right))


if __name__ == "__main__":
    main()
