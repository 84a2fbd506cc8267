"""Folders in which a file is looked for that is not in the current one. The pytest plugin enters its rootdir."""

from pathlib import Path

FOLDERS: list[Path] = []
