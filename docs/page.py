"""The page and the picture that the README shows: `python -m docs.page` verifies its model.py, and takes a screenshot.

The picture is taken by a headless Chromium, the one on PATH or the one that GRADCHECK_CHROMIUM names; without any, the page is
made alone.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from docs.examples import files

FOLDER = Path(__file__).parent
WIDTH, HEIGHT = 1200, 1010


def model() -> str:
    """The file of the README that forgets to divide by n."""
    return files()["model.py"]


def made() -> str:
    """The page of a run of it, in a folder of its own."""
    with tempfile.TemporaryDirectory() as name:
        Path(name, "model.py").write_text(model(), encoding="utf-8")
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join((str(FOLDER.parent), os.environ.get("PYTHONPATH", ""))),
        }
        words = [sys.executable, "-m", "gradcheck", "verify", "model.py", "--html", "report.html"]
        subprocess.run(
            words, cwd=name, env=environment, check=False, stdout=subprocess.DEVNULL
        )  # it disagrees: status 1
        return Path(name, "report.html").read_text(encoding="utf-8")


def pictured(page: Path, picture: Path) -> bool:
    """Take a screenshot of its beginning, where there is a browser."""
    browser = shutil.which(os.environ.get("GRADCHECK_CHROMIUM") or "chromium")
    if browser is None:
        return False
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--window-size={WIDTH},{HEIGHT}"]
    words = [browser, *flags, f"--screenshot={picture}", page.absolute().as_uri()]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return True


def main() -> None:
    page = FOLDER / "report.html"
    page.write_text(made(), encoding="utf-8")
    taken = pictured(page, FOLDER / "report.png")
    print(f"wrote {page.name}{' and report.png' if taken else '; no browser was found for report.png'}")


if __name__ == "__main__":
    main()
