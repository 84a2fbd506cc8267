"""Processes that train together. A door to torch.distributed, which whoever trains so has imported."""

import sys
from typing import Any


def distributed() -> Any:
    """torch.distributed, where a group has been made; otherwise None."""
    found = getattr(sys.modules.get("torch"), "distributed", None)
    return found if found is not None and found.is_available() and found.is_initialized() else None
