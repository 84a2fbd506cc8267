"""File names made of names that may come from anybody: of a check, a repository, a target."""

import hashlib
import re

LONGEST = 64  # characters of a name that is taken as it is
_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*")
_MADE = re.compile(r".*-[0-9a-f]{16}")  # what this module makes, and takes from nobody else
# What Windows takes for a device, whatever follows the first dot.
_DEVICES = re.compile(r"(?i)con|prn|aux|nul|com[0-9]|lpt[0-9]")


def plain(name: str) -> str:
    """A part of a file name that stands for `name` alone: itself where it is a short plain word, else what is plain in it.

    Letters of English, digits, _ and - are plain; neither a dot nor a separator ever is, so that the file is in the folder that is
    meant, is not hidden and is on one line. What is left out is told apart by a digest.
    """
    if len(name) <= LONGEST and _PLAIN.fullmatch(name) and not _MADE.fullmatch(name) and not _DEVICES.fullmatch(name):
        return name
    kept = re.sub(r"[^A-Za-z0-9_]+", "-", name[:LONGEST])[: LONGEST // 2].strip("-") or "name"
    return f"{kept}-{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"
