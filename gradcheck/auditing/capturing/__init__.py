"""Dumps of steps as they are trained: what a layer takes and gives, or what a loss takes that calls no layer. See docs/audit.md."""
