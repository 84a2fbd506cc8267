"""Implementations under test: the record, its layout, and where targets come from. No framework is imported here."""

from gradcheck.implementations.built_in import BUILT_IN as BUILT_IN
from gradcheck.implementations.built_in import installed as installed
from gradcheck.implementations.layout import adapt as adapt
from gradcheck.implementations.loading import load as load
from gradcheck.implementations.record import CHOICES as CHOICES
from gradcheck.implementations.record import FUNCTIONS as FUNCTIONS
from gradcheck.implementations.record import Implementation as Implementation
from gradcheck.implementations.record import Layout as Layout
from gradcheck.implementations.record import NotPosed as NotPosed
from gradcheck.implementations.record import TargetFailed as TargetFailed
from gradcheck.implementations.takes import Takes as Takes
