"""What to type: the command that repeats a case, and the options that would explain every failure."""

import json
import shlex
from collections.abc import Iterator, Mapping

from gradcheck.arithmetic import options, said
from gradcheck.checks import CHECKS
from gradcheck.implementations import losses
from gradcheck.implementations.takes import flags
from gradcheck.law import CrossEntropy, Loss
from gradcheck.printable import pasted, printable
from gradcheck.verify import Failure, Run


def repeat(failure: Failure, run: Run) -> str:
    """The command that judges this case again; where none is saved that which saves one, or a sentence where there is none."""
    if failure.again or failure.case:
        return printable(failure.again) or pasted(("gradcheck", "replay", failure.case, *command(run)))
    return UNSAVED if run.nameless else whole(run)


UNSAVED = 'in Python, with cases="cases": then the problem is saved'


def whole(run: Run) -> str:
    """The command that makes the run again."""
    head = ("verify", *command(run)) if run.shares is None else ("ranks", *command(run), *run.shares.options)
    words = ["gradcheck", *head, "--dtype", run.dtype]
    words += ["--max-examples", str(run.max_examples), "--seed", str(run.seed)]
    if run.regimes != ("*",):
        words += [word for regime in run.regimes for word in ("--regime", regime)]
    if run.shares is None and set(run.tallies) != set(CHECKS):
        words += [word for check in run.tallies for word in ("--check", check)]
    if any(tally.careful for tally in run.tallies.values()):
        words.append("--careful")
    if run.required:
        words += ["--require", ",".join(run.required)]
    return pasted(words)


def command(run: Run) -> tuple[str, ...]:
    """The words that name the target and its layout on a command line."""
    declared = {**said(run.layout), **_options(run.law), **run.arithmetic.said}
    return run.command or (run.target, *options(declared), *_own(run.law), *flags(run.takes.said))


def _options(law: CrossEntropy) -> Mapping[str, object]:
    """Those of the cross-entropy; a loss of one's own has none of them."""
    return {} if law.own else law.said


def _own(law: CrossEntropy) -> Iterator[str]:
    """What names a loss of one's own."""
    if isinstance(law, Loss):
        yield from losses.words(law.word or law.origin, law.chosen)


def suggested(run: Run) -> str:
    """What would be declared, and everything that failed would agree: as options, as Python or as keys of pyproject.toml."""
    law = run.meant_law or run.law
    written = WRITTEN[run.door]
    if run.rounds is not None:
        shown = written({}, {}, run.rounds.said)
        if run.rounds.sums == run.arithmetic.sums:
            return shown
        return f"{shown or 'the default'}, without {written({}, {}, {'sums': run.arithmetic.sums})}: that sums are in any order"
    if run.meant is None:
        return ""
    shown = written(said(run.meant), _options(law), {}) or "the default"
    dropped = written({}, {name: value for name, value in _options(run.law).items() if name not in law.said}, {})
    return f"{shown}, without {dropped}" if dropped else shown


Said = Mapping[str, object]


def _on_a_command_line(layout: Said, law: Said, arithmetic: Said) -> str:
    return shlex.join(options({**layout, **law, **arithmetic}))


def _in_python(layout: Said, law: Said, arithmetic: Said) -> str:
    given = {"layout=Layout": layout, "law=CrossEntropy": law, "arithmetic=Arithmetic": arithmetic}
    written = {
        kind: (f"{name}={_literal(value)}" for name, value in said.items()) for kind, said in given.items() if said
    }
    return ", ".join(f"{kind}({', '.join(values)})" for kind, values in written.items())


def _literal(value: object) -> str:
    return json.dumps(value) if isinstance(value, str) else repr(tuple(value) if isinstance(value, list) else value)


def _in_pyproject(layout: Said, law: Said, arithmetic: Said) -> str:
    def keys(said: Said) -> str:
        return ", ".join(f"{name.replace('_', '-')} = {json.dumps(value)}" for name, value in said.items())

    return ", ".join(filter(None, (keys({**layout, **arithmetic}), f"loss = {{ {keys(law)} }}" if law else "")))


WRITTEN = {"command": _on_a_command_line, "python": _in_python, "pyproject": _in_pyproject}


def declared(run: Run) -> str:
    """What would have to be declared otherwise: layout, loss or arithmetic."""
    if run.rounds is not None:
        return "arithmetic"
    return "layout" if run.meant_law in (None, run.law) else "loss"


def only_memory(run: Run) -> bool:
    """Whether everything that failed agrees where arrays are in C order and can be written to."""
    return run.meant is not None and run.meant.memory != run.layout.memory


def only_in_order(run: Run) -> list[str]:
    """A word on what is at fault where that is the order of memory."""
    return ["it cannot take every order of memory; everything agrees on arrays in C order"] if only_memory(run) else []
