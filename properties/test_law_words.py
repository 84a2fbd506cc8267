"""What a loss may be called and given: each limit from both sides, and each refusal in its words."""

import sys

import numpy as np
import pytest

from gradcheck import CrossEntropy, Loss, Unusable
from gradcheck.law import signature, source, text
from gradcheck.law.own import LAWS

EXPECTED = "expected some of theta, b, X and Y, or Z and Y, then np and options with defaults"


def squares(Z, Y):
    D = Z - Y
    return (D * D).sum()


def weighed(Z, Y, *, weight):
    return squares(Z, Y) * weight


@pytest.mark.parametrize(
    ("given", "known"),
    [
        ({"ignore": -(2**31)}, True),
        ({"ignore": -(2**31) - 1}, False),
        ({"ignore": 2**53 - 1}, True),
        ({"mean_of": 2**53 - 1}, True),
        ({"mean_of": 2**53}, False),
        ({"mean_of": 1}, True),
        ({"mean_of": 0}, False),
        ({"mean_of": 1.0}, False),
        ({"class_weight": (0.0, 2.0**100)}, True),
        ({"class_weight": (-1.0,)}, False),
        ({"class_weight": "12"}, False),
        ({"l2_bias": 1}, False),
        ({"smoothing": 1}, True),
        ({"smoothing": True}, False),
        ({"reduction": "none", "l2": 1.0}, False),
    ],
)
def test_an_option_is_known_up_to_its_limit(given, known):
    if known:
        assert {name: getattr(CrossEntropy(**given), name) for name in given} == given
    else:
        with pytest.raises(Unusable, match=f"^loss {next(iter(given))}="):
            CrossEntropy(**given)


@pytest.mark.parametrize(("word", "shown"), [("x" * 58, repr("x" * 58)), ("x" * 59, "'" + "x" * 56 + "...")])
def test_what_is_refused_is_shown_in_sixty_characters(word, shown):
    with pytest.raises(Unusable) as told:
        CrossEntropy(reduction=word)
    assert str(told.value) == f"loss reduction={shown} is not known; expected mean or sum or none"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (
            {"class_weight": 2.0},
            "class_weight=2.0 is not known; expected a list of a weight of 0 or more for each class",
        ),
        (
            {"class_weight": b"1"},
            "class_weight=b'1' is not known; expected a list of a weight of 0 or more for each class",
        ),
        ({"l2_bias": 0}, "l2_bias=0 is not known; expected true or false"),
        ({"ignore": 0.5}, "ignore=0.5 is not known; expected the label of samples that do not count, a whole number"),
        ({"mean_of": "all"}, "mean_of='all' is not known; expected samples, labelled, weights or a count, from 1"),
        ({"smoothing": 1.5}, "smoothing=1.5 is not known; expected a number from 0 to 1"),
        ({"softcap": -1}, "softcap=-1 is not known; expected a positive number, or 0 for none"),
    ],
)
def test_an_option_that_is_not_known_is_refused_in_these_words(given, words):
    with pytest.raises(Unusable) as told:
        CrossEntropy(**given)
    assert str(told.value) == f"loss {words}"


@pytest.mark.parametrize(
    ("function", "options", "words"),
    [
        (weighed, {}, "the loss weighed needs weight, which has no default: --loss-option weight=VALUE"),
        (lambda Y: 0, {}, f"the loss <lambda> is a function of Y; {EXPECTED}"),
        (lambda: 0, {}, f"the loss <lambda> is a function of no arrays; {EXPECTED}"),
        (lambda W, Z: 0, {}, f"the loss <lambda> has a parameter W; {EXPECTED}"),
        (lambda Z, *Y: 0, {}, f"the loss <lambda> has a parameter Y; {EXPECTED}"),
        (lambda Z, Y=1: 0, {}, "the loss <lambda> has a default of Y, which is an array; call the option otherwise"),
        (squares, {"w": 1}, "the loss squares has no option 'w'; it has none"),
        (lambda Z, u=1, v=2: 0, {"w": 1}, "the loss <lambda> has no option 'w'; it has u, v"),
        (7, {}, "a loss is 7; expected a function of arrays"),
        (
            squares,
            {"holds": "finite"},
            f"holds names 'finite'; expected any of {', '.join(LAWS)}",
        ),
    ],
)
def test_a_function_that_is_no_specification_is_refused_in_these_words(function, options, words):
    with pytest.raises(Unusable) as told:
        Loss(function, **options)
    assert str(told.value) == words


def test_a_law_may_be_declared_by_its_name_or_in_a_list():
    assert Loss(squares, holds="shift_invariance").holds == ("shift_invariance",)
    assert Loss(squares, holds=["shift_invariance"]).holds == ("shift_invariance",)
    assert Loss(squares).holds == ()


def test_an_option_is_a_number_a_word_or_a_list_of_numbers():
    many = list(range(41))
    for given, kept in ((many, tuple(many)), ((1, 2.5), (1, 2.5)), ("x" * 200, "x" * 200), (None, None), (True, True)):
        assert signature.value("l", "o", given) == kept
    for given in ("x" * 201, [True], ["1"], [0] * (2**20 + 1), {}, 1j):
        with pytest.raises(
            Unusable, match=r"^the option o of the loss l is .*; expected a number, a word or a list of"
        ):
            signature.value("l", "o", given)


def test_what_data_say_of_a_loss_may_leave_out_options_alone():
    said = {"loss": "focal", "from": "focal.py", "digest": "0"}
    assert signature.named(said) == {"name": "focal", "origin": "focal.py", "digest": "0", "options": {}}
    assert signature.named(said | {"options": {"gamma": 2}})["options"] == {"gamma": 2}
    assert signature.named(said | {"digest": "0" * 200})["digest"] == "0" * 200
    for name in said:
        for value in (None, 1, "0" * 201):
            with pytest.raises(Unusable, match=f"^law {name} is .*; expected a text of at most 200 characters$"):
                signature.named(said | {name: value})
    for wrong in ({"more": 1}, {"options": []}, {"options": {str(k): k for k in range(65)}}):
        with pytest.raises(Unusable, match=r"^law has .*; expected loss, from, digest and options$"):
            signature.named(said | wrong)
    assert len(signature.named(said | {"options": {str(k): k for k in range(64)}})["options"]) == 64


def test_a_loss_is_named_by_the_file_where_it_stands_by_its_own_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = {}
    for name in ("here.py", "here.txt", "gone.py"):
        made[name] = space = {}
        if name != "gone.py":
            (tmp_path / name).write_text("")
        exec(
            compile("def f(Z): return 0\ndef g(Z): return 0\nother = g\nh = lambda Z: 0", str(tmp_path / name), "exec"),
            space,
        )
    assert source.word(made["here.py"]["f"]) == "here.py:f"
    assert source.word(made["here.txt"]["f"]) == source.word(made["gone.py"]["f"]) == ""
    assert source.word(made["here.py"]["h"]) == source.word(np.exp) == source.word(3) == ""
    replaced = made["here.py"].pop("g")
    assert source.word(replaced) == ""
    assert source.word(squares) == f"{sys.modules[__name__].__file__}:squares"


@pytest.mark.parametrize("over", ["all", "others"])
@pytest.mark.parametrize("L", [2, 3, 5])
def test_what_smoothing_takes_from_a_label_the_other_classes_have(over, L):
    """Y (1 - s) + s/L, or s/(L - 1) for each of the others; nothing of a sample that does not count."""
    law, s = CrossEntropy(smoothing=0.25, smoothing_over=over, ignore=-100), 0.25
    Y = np.eye(L)[:, :2].copy()
    Y[:, 1] = 0
    rest = s / L if over == "all" else s / (L - 1)
    due = np.full(L, rest)
    due[0] = 1 - s + (rest if over == "all" else 0)
    np.testing.assert_array_equal(text.labels(Y, law), np.stack([due, np.zeros(L)], axis=1))
