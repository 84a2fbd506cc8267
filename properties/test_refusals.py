"""What the command line refuses is one line of one voice, with what was meant where that can be told."""

import re

import pytest

from gradcheck.cli import main, run
from gradcheck.cli.group import STATUS
from gradcheck.errors import a, typed

REFUSED = {
    "verify numpy --rtol 1e-3": "gradcheck: No such option '--rtol': there is none, and no step and no tolerance to choose",
    "verify numpy --max-exampels 3": "gradcheck: No such option '--max-exampels'",
    "model.py": "gradcheck: No such command 'model.py'; `gradcheck verify model.py` judges it",
    "verfy numpy": "gradcheck: No such command 'verfy'",
    "verify mdoel.py": "gradcheck: no such file: mdoel.py; did you mean model.py?",
    "verify nofile.py": "gradcheck: no such file: nofile.py\n",
    "verify model.py:rigth": "gradcheck: model.py has no object 'rigth'; did you mean right?",
    "verify model.py": "gradcheck: model.py is a module with none of the functions gradients, loss, logits, softmax, "
    "softmax_jacobian; expected at least one of them; it has right: model.py:right\n",
    "verify functions.py": "gradcheck: functions.py is a module with none of the functions gradients, loss, logits, softmax, "
    "softmax_jacobian; expected at least one of them; it has mine: a function of theta, b, X, Y is named as functions.py:mine\n",
    "verify model.py:right --loss cubes.py --loss-option power=x": "gradcheck: the loss cubes cannot be read at cubes.py:2: its "
    "option power is 'x'; expected a number, as its default 3 is: ",
    "verify sciyp": "gradcheck: no module named 'sciyp'; did you mean scipy?",
    "verify numpy --dtype fp32": "gradcheck: dtype 'fp32' is not known; did you mean float32?",
    "verify numpy --max-examples 0": "gradcheck: Invalid value for '--max-examples': 0 is not in the range x>=1; see",
    "verify numpy --softcap -1": "gradcheck: Invalid value for '--softcap': -1 is not known; expected a positive number, or 0",
}


FILES = {
    "model.py": "class Right:\n    def gradients(theta, b, X, Y): ...\n\nright = Right()\n",
    "functions.py": "import math\n\ndef mine(theta, b, X, Y): ...\n",
    "cubes.py": "def cubes(Z, Y, *, np, power=3):\n    return np.sum((Z - Y) ** power)\n",
    "ordinal.py": "",
}


@pytest.mark.parametrize("words", REFUSED)
def test_a_refusal_is_one_line_that_says_what_was_meant(words, tmp_path, monkeypatch, capsys):
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert run(words.split()) == 2
    said = capsys.readouterr().err
    assert said.startswith(REFUSED[words]) and said.count("\n") == 1, said


NOUNS = (
    *("an Embedding", "an MSELoss", "an ndarray", "an int", "an LSTM", "an UninitializedParameter", "an audit"),
    *("a UserDict", "a uint8", "a str", "a GRU", "a Linear", "a OneHot", "a list"),
)


def test_articles_are_those_that_are_said():
    assert tuple(a(noun.split()[1]) for noun in NOUNS) == NOUNS
    assert (typed(3), typed("x")) == ("an int", "a str")


def test_help_is_whole_at_80_columns(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    context = main.make_context("gradcheck", ["verify", "numpy"])
    shown = context.get_help()
    assert "..." not in shown.replace("[ARGS]...", "") and max(map(len, shown.splitlines())) <= 80
    assert all(line in shown for line in STATUS.splitlines()[1:])
    command = main.get_command(context, "verify")
    assert not re.search(r"e[+-]\d\d", command.get_help(command.make_context("verify", ["numpy"], parent=context)))
