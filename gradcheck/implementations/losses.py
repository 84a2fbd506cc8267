"""From the text that a user types to a loss of one's own: path/to/file.py:object, or package.module:object."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import FunctionType, ModuleType
from typing import Any

from gradcheck.arithmetic import word
from gradcheck.errors import Unusable
from gradcheck.implementations.record import Implementation
from gradcheck.implementations.targets import looked_up
from gradcheck.law import CrossEntropy, signature
from gradcheck.law.options import FIELDS as LAW
from gradcheck.law.own import Loss
from gradcheck.law.signature import SPACE

LONGEST = 4096  # characters of a text
USUAL = "loss"  # what a specification is called that stands beside other functions


def load(word: str, options: Mapping[str, Any]) -> Loss:
    """The loss that a word names, with these options; a function, or a `gradcheck.Loss`."""
    module, found = looked_up(word)
    found = _only(module, word) if found is None else found
    if isinstance(found, Loss):
        return with_options(found, options)
    if not callable(found):
        raise Unusable(f"--loss {word} is {found!r:.60}; expected a function of arrays, or a gradcheck.Loss")
    return Loss(found, **options)


def with_options(loss: Loss, options: Mapping[str, Any]) -> Loss:
    """The same with other options."""
    if not options:
        return loss
    return type(loss)(loss.function, name=loss.name, holds=loss.holds, **{**loss.options, **options})


def _only(module: ModuleType, word: str) -> Any:
    """The loss of a module that names no object: the one named loss, the only one that takes np, or the only public function."""
    public = dict(_public(module))
    if USUAL in public:
        return public[USUAL]
    losses = {name: value for name, value in public.items() if isinstance(value, Loss)}
    losses = losses or {name: value for name, value in public.items() if SPACE in _parameters(value)} or public
    if len(losses) != 1:
        raise Unusable(f"--loss {word} has {', '.join(losses) or 'no functions'}; expected --loss {word}:NAME")
    return next(iter(losses.values()))


def _parameters(function: FunctionType) -> tuple[str, ...]:
    code = function.__code__
    return code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]


def _public(module: ModuleType) -> Iterator[tuple[str, Any]]:
    for name, value in vars(module).items():
        own = isinstance(value, FunctionType) and value.__module__ == module.__name__
        if not name.startswith("_") and (own or isinstance(value, Loss)):
            yield name, value


def declared(found: Implementation, law: Mapping[str, Any], word: str, chosen: Mapping[str, Any]) -> Implementation:
    """The implementation with the loss that is said: one of one's own, or options of the cross-entropy."""
    own = word or (found.law.name if isinstance(found.law, Loss) else "")
    if own and law:
        given = next(iter(law)).replace("_", "-")
        raise Unusable(f"{given} is an option of the cross-entropy, and the loss is {own}; expected one of them")
    if word:
        return replace(found, law=load(word, chosen))
    if chosen:
        if not isinstance(found.law, Loss):
            raise Unusable(f"{next(iter(chosen))} is an option of a loss of your own; say which: --loss FILE")
        return replace(found, law=with_options(found.law, chosen))
    return replace(found, law=replace(found.law, **law)) if law else found


def said(value: object) -> dict[str, Any] | str:
    """What is said of the loss: where one's own is, or options; only those, so that the rest is what the target declares."""
    if isinstance(value, str):
        if not 0 < len(value) <= LONGEST:
            raise ValueError(f"a text of at most {LONGEST} characters")
        return value
    if not isinstance(value, dict):
        raise ValueError(f"file.py:object, or a table with any of {', '.join(key.replace('_', '-') for key in LAW)}")
    found = {key.replace("-", "_"): entry for key, entry in value.items()}
    if len(found) < len(value):
        raise ValueError("each option once")
    law = CrossEntropy.read(found)
    return {key: getattr(law, key) for key in found}


def table(value: object) -> dict[str, Any]:
    """Options of a loss of one's own, by name, as pyproject.toml has them."""
    if not isinstance(value, dict):
        raise ValueError("a table of options of the loss")
    return {str(key): signature.value("that is declared", str(key), entry) for key, entry in value.items()}


def option(text: str) -> tuple[str, Any]:
    """`gamma=2` as a name and a value: a number, yes or no, a list of numbers with commas between them, or a word."""
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise Unusable(f"{text!r:.60} is no option of a loss; expected NAME=VALUE")
    return name, _value(value)


def _value(text: str) -> Any:
    if text in WORDS:
        return WORDS[text]
    try:
        if "," in text:
            return tuple(_number(part) for part in text.split(",") if part)
        return _number(text)
    except ValueError:
        return text


WORDS: dict[str, Any] = {
    "yes": True,
    "true": True,
    "True": True,
    "no": False,
    "false": False,
    "False": False,
    "None": None,
}


def _number(text: str) -> int | float:
    return int(text) if text.lstrip("+-").isdecimal() and len(text) < 16 else float(text)


def words(name: str, options: Mapping[str, Any]) -> Iterator[str]:
    """What stands on a command line of a loss and its options."""
    if name:
        yield from ("--loss", name)
    for key, value in options.items():
        yield from ("--loss-option", f"{key}={_written(value)}")


def _written(value: Any) -> str:
    if isinstance(value, tuple | list):
        return ",".join(map(repr, value)) + ("," if len(value) == 1 else "")
    return word(value)
