"""What keeps a loss from being read along a line."""


class NoSeries(Exception):
    """No Taylor series of the loss is known over the step that was asked for; says why."""
