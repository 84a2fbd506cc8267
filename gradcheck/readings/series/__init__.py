"""Losses along a line: arrays of Taylor series with the remainder of an interval, by the table of primitives."""

from gradcheck.readings.series.array import Series as Series
from gradcheck.readings.series.kinks import NoSeries as NoSeries
from gradcheck.readings.series.rules import capped as capped
