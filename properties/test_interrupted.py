"""What an interrupt leaves: what is known is explained, and what was counted is shown."""

import numpy as np

from gradcheck import Implementation, conform, kills
from gradcheck.campaign.display import left, status
from gradcheck.campaign.outcome import Budget, Outcome
from gradcheck.cli import run


def test_an_interrupted_run_says_what_is_wrong():
    calls = []

    def gradients(theta, b, X, Y):
        calls.append(1)
        if len(calls) == 60:
            raise KeyboardInterrupt
        A = np.exp(theta @ X + b - (theta @ X + b).max(axis=0))
        D = A / A.sum(axis=0) - Y
        return {"theta": D @ X.T, "b": D.sum(axis=1, keepdims=True)}

    found = conform(Implementation(gradients), checks=("*_gradient",))
    assert found.interrupted and 0 < found.problems < 60
    assert "not divided by n" in found.diagnosis.likely and found.meant_law.reduction == "sum"


def test_an_interrupted_kill_matrix_shows_what_was_posed(monkeypatch, capsys):
    first = next(kills.matrix(1))

    def interrupted(count):
        yield first
        raise KeyboardInterrupt

    monkeypatch.setattr(kills, "matrix", interrupted)
    assert run(["mistakes", "--kill-matrix", "--max-examples", "1"]) == 130
    said = capsys.readouterr().out
    assert first.mistake in said and "interrupted after 1 of" in said


def test_the_panel_of_a_campaign_says_what_it_waits_for():
    outcome = Outcome()
    outcome.seconds = 70.0
    assert left(Budget(60.0, None), outcome) == "the time is spent: ending what is in hand"
    cells = [str(cell) for column in status("it", Budget(60.0, None), outcome).columns for cell in column.cells]
    assert "counted when the first shard is done" in cells
