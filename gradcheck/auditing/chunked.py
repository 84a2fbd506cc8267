"""Zarr groups. The only door to zarr."""

from pathlib import Path
from typing import Any

from gradcheck.errors import Missing


def arrays(path: Path, names: tuple[str, ...]) -> dict[str, Any]:
    """The arrays of a group, by name; they are read where they are sliced."""
    try:
        import zarr
    except ImportError:
        raise Missing.extra(f"{path} is a Zarr group, which", "zarr", "audit") from None
    group = zarr.open_group(str(path), mode="r")
    return {name: group[name] for name in names if name in group}
