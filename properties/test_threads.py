"""Runs in several threads of one process say what each says alone, and leave what a process has one of as it was."""

import sys
import threading

import flint
import pytest

from gradcheck import Implementation, Loss, conform
from gradcheck.implementations.quiet import quiet
from gradcheck.readings.working import working
from gradcheck.silence import silent


def squares(c):
    def loss(Z, Y, *, np, c=c):
        return np.sum(c * Z * Z * Y)

    return Loss(loss)


def kernel(c, of):
    def gradients(theta, b, X, Y):
        D = 2 * c * (theta @ X + b) * Y
        return {"theta": D @ X.T, "b": D.sum(axis=1, keepdims=True), "Z": D}

    return Implementation("by hand", gradients, law=squares(of))


def said(implementation):
    run = conform(implementation, max_examples=6, checks=("*_gradient", "loss", "central_difference_theta"))
    return {name: dict(tally.counts) for name, tally in run.tallies.items()}


def in_threads(*works):
    found = {}
    threads = [
        threading.Thread(target=lambda k=k, work=work: found.update({k: work()})) for k, work in enumerate(works)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [found.get(k) for k in range(len(works))]


def test_threads_find_what_each_finds_alone():
    """Two right codes of two losses, and a wrong one."""
    codes = [kernel(0.5, 0.5), kernel(0.7, 0.7), kernel(0.7, 0.5)]
    before = sys.stdin, sys.stdout, sys.stderr, flint.ctx.prec
    alone = [said(code) for code in codes]
    assert in_threads(*(lambda code=code: said(code) for code in codes)) == alone
    assert (sys.stdin, sys.stdout, sys.stderr, flint.ctx.prec) == before


@pytest.mark.parametrize("used", [lambda: working(100), quiet], ids=["working", "quiet"])
def test_what_a_process_has_one_of_is_used_by_one_thread_at_a_time(used):
    seen = []

    def other():
        with used():
            seen.append(True)

    thread = threading.Thread(target=other)
    with used():
        thread.start()
        thread.join(0.2)  # it would not take that long
        assert not seen
    thread.join()
    assert seen


def test_nobody_waits_to_be_silent_where_another_sees_to_that(capsys):
    """A loss that is read in a thread of a run, which waits for it."""

    def prints():
        with silent():
            print("of a loss")
        return sys.stdout

    with quiet() as printed:
        assert in_threads(prints) == [printed]
    assert printed.getvalue() == "of a loss\n" and not capsys.readouterr().out
    assert prints() is sys.stdout and not capsys.readouterr().out


SCALE = {"c": 0.5}


def test_what_a_text_reads_elsewhere_may_change_from_run_to_run():
    """Not within one; and then it is the code that is judged by what is there now."""

    def loss(Z, Y, *, np):
        return np.sum(SCALE["c"] * Z * Z * Y)

    law = Loss(loss)
    for SCALE["c"], c in ((0.5, 0.5), (0.75, 0.75), (0.75, 0.5), (0.5, 0.5)):
        code = Implementation("by hand", kernel(c, c).gradients, law=law)
        run = conform(code, max_examples=6, checks=("logits_gradient", "theta_gradient"))
        assert bool(run.failures) == (c != SCALE["c"]), SCALE
