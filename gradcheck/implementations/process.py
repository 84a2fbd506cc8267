"""An implementation in a process of its own: one that speaks our protocol, in any language, or a Python target set apart."""

import os
import shlex
import sys
from collections.abc import Callable, Sequence
from typing import Any

from gradcheck.arithmetic import FIELDS, Arithmetic
from gradcheck.errors import Unusable, text
from gradcheck.implementations import protocol
from gradcheck.implementations.home import Home
from gradcheck.implementations.peer import DEFAULT, Limits, Peer
from gradcheck.implementations.record import FUNCTIONS, PARAMETERS, USES, Implementation, Layout, TargetFailed
from gradcheck.implementations.takes import INTEGERS, Takes
from gradcheck.implementations.told import ALIASES
from gradcheck.implementations.wired import asking
from gradcheck.law.options import PLAIN, CrossEntropy
from gradcheck.printable import clipped
from gradcheck.problem import Array


def _function(peer: Peer, name: str) -> Callable[..., Any]:
    def call(*given: Array, law: CrossEntropy = PLAIN) -> Any:
        names = PARAMETERS[name] if len(given) == len(PARAMETERS[name]) else [p for p in PARAMETERS[name] if p != "b"]
        arrays = dict(zip(names, given, strict=True))
        dtype = next(a.dtype.name for a in given if a.dtype.kind not in "iu")
        found = peer.call(name, dtype, arrays, law)
        _mirror(found, "input:", arrays)
        _mirror(found, "previous:", peer.results.get(name, {}))
        peer.results[name] = found
        if name == "gradients":
            return found
        if len(found) != 1:
            raise TargetFailed(f"returned the arrays {', '.join(found) or 'none'}; expected one")
        (value,) = found.values()
        return value

    return call


def _mirror(found: dict[str, Array], prefix: str, here: dict[str, Array]) -> None:
    """What the other side did to its copy of an array is done to ours, so that the checks of conduct see it."""
    for key in [key for key in found if key.startswith(prefix)]:
        changed = found.pop(key)
        target = here.get(key.removeprefix(prefix))
        if target is not None and target.flags.writeable and target.shape == changed.shape:
            target[...] = changed.astype(target.dtype)


def from_command(command: str | Sequence[str], limits: Limits = DEFAULT, shown: str = "") -> Implementation:
    """The implementation that a command serves by the protocol of docs/protocol.md.

    Raises `Unusable` where it cannot be started, or does not describe itself as one; `shown` is the command to the user.
    """
    try:
        words = shlex.split(command) if isinstance(command, str) else list(command)
    except ValueError as problem:
        raise Unusable(f"the command {command!r} cannot be read: {problem}") from None
    if not words:
        raise Unusable("the command to run is empty; expected a program and its arguments")
    if os.name == "nt":
        raise Unusable("a process of its own needs pipes that can be waited for, which Windows does not have")
    peer = Peer(words, limits, shown or shlex.join(words))
    peer.start()
    try:
        return _described(peer)
    except Unusable:
        peer.stop()
        raise


def _described(peer: Peer) -> Implementation:
    """The implementation that a process has described itself as."""
    told, shown = peer.description, peer.shown
    if "error" in told:
        raise Unusable(f"{shown} refuses: {told['error']}")
    version = told.get("gradcheck_protocol")
    if version not in (protocol.VERSION, protocol.OF_A_LAW):
        expected = f"{protocol.VERSION} or {protocol.OF_A_LAW}"
        raise Unusable(f"{shown} speaks protocol {version!r}; expected {expected}")
    functions = _some("functions", told.get("functions"), FUNCTIONS, shown)
    dtypes = _some("dtypes", told.get("dtypes", ["float64"]), (*_REAL, "bfloat16"), shown)
    if told.get("encoding", "raw") not in protocol.ENCODINGS:
        raise Unusable(f"{shown} asks for the encoding {told['encoding']!r}; expected raw or json")
    known = told.get("expected_failures", {})
    if not isinstance(known, dict) or not all(isinstance(reason, str) and reason for reason in known.values()):
        raise Unusable(f"{shown} tells of expected_failures {known!r}; expected checks with the reason of each")
    try:
        said = dict(told.get("layout", {}))
        older = {key: said.pop(key) for key in FIELDS if key in said}  # a layout once said how it rounds, too
        layout = Layout(**said)
    except (TypeError, ValueError, Unusable) as problem:
        raise Unusable(f"{shown} describes its layout wrongly: {problem}") from None
    try:
        rounds = Arithmetic(**{**older, **told.get("arithmetic", {})})
    except (TypeError, Unusable) as problem:
        raise Unusable(f"{shown} describes its arithmetic wrongly: {problem}") from None
    law, takes = _loss(told, shown) if version == protocol.OF_A_LAW else (PLAIN, Takes())
    offered: dict[str, Any] = {function: _function(peer, function) for function in functions}
    used = _some("uses", told.get("uses"), tuple(USES), shown) if told.get("uses") else ()
    uses = {use: asking(peer, use) for use in used}
    name = text(told.get("name", shown), str)
    known = {check: clipped(reason) for check, reason in known.items()}
    mirrored = told.get("numpy") is True or told.get("tells") is True  # what it did to its copies
    declared: dict[str, Any] = {"layout": layout, "arithmetic": rounds, "expected_failures": known}
    declared |= {"law": law, "takes": takes, "told": version == protocol.OF_A_LAW}
    declared |= {"near": _near(told.get("near")), "uses": uses, "home": Home(notes=_notes(told.get("notes")))}
    return Implementation(name, **offered, dtypes=dtypes, copies=not mirrored, **declared)


def _notes(told: object) -> list[str]:
    """What is to be said of it in every report, a few lines at most."""
    found = told if isinstance(told, list) else []
    return [clipped(note) for note in found[:4] if isinstance(note, str)]


def _near(told: object) -> dict[str, str]:
    """What has a like name to that of a function that is not there: a hint, and nothing else."""
    found = told if isinstance(told, dict) else {}
    return {name: clipped(found[name], 100) for name in FUNCTIONS if isinstance(found.get(name), str)}


def _loss(told: dict[str, Any], shown: str) -> tuple[CrossEntropy, Takes]:
    """Which loss a process computes, and which problems it takes: which options of it each question may say."""
    said = told.get("takes") or {}
    said = said if isinstance(said, dict) else {"options": said}
    options = _some("takes", said["options"], tuple(ALIASES), shown) if said.get("options") else ()
    try:
        takes = Takes(options, **Takes.read({key: value for key, value in said.items() if key != "options"}))
    except Unusable as problem:
        raise Unusable(f"{shown} tells of takes wrongly: {problem}") from None
    try:
        return CrossEntropy.read(told.get("law", {})), takes
    except (TypeError, Unusable) as problem:
        raise Unusable(f"{shown} describes its loss wrongly: {problem}") from None


_REAL = tuple(name for name in protocol.DTYPES if name not in INTEGERS)


def _some(what: str, found: object, known: Sequence[str], shown: str) -> tuple[str, ...]:
    """A list of one or more of the names known, as a program tells it."""
    if not isinstance(found, list) or not found or not all(isinstance(e, str) and e in known for e in found):
        raise Unusable(f"{shown} tells of {what} {found!r}; expected a list of any of {', '.join(known)}")
    return tuple(found)


# The search path is ours, and the current folder is not on it unless it is on ours.
_SERVE = "import sys; sys.path[:] = sys.argv[2:]; from gradcheck.implementations import serve; serve.main(sys.argv[1])"


def isolated(target: str, limits: Limits) -> Implementation:
    """A Python target, loaded and called in a process of its own: it describes itself."""
    return from_command([sys.executable, "-c", _SERVE, target, *sys.path], limits, target)
