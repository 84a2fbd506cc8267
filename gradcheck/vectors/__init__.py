"""Vectors: problems with certified answers, for suites that cannot run us.

`certify` works the answers out, `posing` finds problems, `form` and `folder` say how they are written, `answers` reads what
came back, and `judge` judges it. Nothing here prints.
"""

from pathlib import Path

from gradcheck.vectors.folder import SHIPPED as SHIPPED
from gradcheck.vectors.judge import Finding as Finding
from gradcheck.vectors.judge import Judged as Judged
from gradcheck.vectors.judge import judge as judge

SCHEMA_FILE = Path(__file__).parent / "schema.json"
