"""A head that is watched while it is trained: its three products, judged where they are. See docs/audit.md."""
