"""Bounds are what they were when they were written down: who changes one means to (`python properties/granted.py`)."""

import granted
import pytest

SAME = 2.0**-20  # far less than any term, and more than what functions of another machine differ by


@pytest.mark.parametrize("kind", ["entries", "columns"])
def test_what_is_granted_is_what_was_written_down(kind):
    was, now = (
        {key: row for key, row in table.items() if key.endswith(kind)} for table in (granted.written(), granted.table())
    )
    assert was.keys() == now.keys() and was
    for key, row in now.items():
        assert row == pytest.approx(was[key], rel=SAME), key
