"""Reports: runs as text, JSON, JUnit XML and HTML. They write what they are given, and judge nothing."""

from gradcheck.reports import commands as commands
from gradcheck.reports import notes as notes
from gradcheck.reports import terminal as terminal
from gradcheck.reports import told as told
from gradcheck.reports import words as words
from gradcheck.reports.files import FORMATS as FORMATS
from gradcheck.reports.files import prepare as prepare
from gradcheck.reports.files import write as write
from gradcheck.reports.voice import console as console
