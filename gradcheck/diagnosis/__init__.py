"""What did I do wrong? `diagnose` names the mistake that fits every failing problem within bounds, or describes what is wrong."""

from gradcheck.diagnosis.changed import later as later
from gradcheck.diagnosis.chosen import CONFIRMED as CONFIRMED
from gradcheck.diagnosis.chosen import SMALL as SMALL
from gradcheck.diagnosis.chosen import keep as keep
from gradcheck.diagnosis.description import Diagnosis as Diagnosis
from gradcheck.diagnosis.description import Part as Part
from gradcheck.diagnosis.search import diagnose as diagnose
from gradcheck.diagnosis.search import state as state
