"""The changes of a file: mutmut's catalogue, applied to every line but annotations."""

from pathlib import Path
from typing import NamedTuple

import libcst as cst
from libcst.metadata import MetadataWrapper
from mutmut.mutation.mutators import mutation_operators


class Change(NamedTuple):
    """A node, what it becomes, and the outermost function that it is in, if any."""

    old: cst.CSTNode
    new: cst.CSTNode
    function: str


class Changes(cst.CSTVisitor):
    """Every change of a module; annotations are no code."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[Change] = []
        self._names: list[str] = []
        self._body: list[cst.CSTNode] = []

    def on_visit(self, node: cst.CSTNode) -> bool:
        if isinstance(node, cst.Annotation):
            return False
        if isinstance(node, cst.ClassDef | cst.FunctionDef) and not self._body:
            self._names.append(node.name.value)
        if self._names and isinstance(node, cst.IndentedBlock) and not self._body and self._in_function:
            self._body.append(node)
        function = ".".join(self._names) if self._body else ""
        for kind, operator in mutation_operators:
            if isinstance(node, kind):
                self.found += [Change(node, changed, function) for changed in operator(node)]
        return True

    def visit_FunctionDef_body(self, node: cst.FunctionDef) -> None:
        self._in_function = True

    def leave_FunctionDef_body(self, node: cst.FunctionDef) -> None:
        self._in_function = False

    _in_function = False

    def on_leave(self, original_node: cst.CSTNode) -> None:
        if self._body and self._body[-1] is original_node:
            self._body.pop()
        named = isinstance(original_node, cst.ClassDef | cst.FunctionDef) and not self._body
        if named and self._names and self._names[-1] == original_node.name.value:
            self._names.pop()


class Source:
    """A file and all changes of it."""

    def __init__(self, path: Path) -> None:
        self.path, self.text = path, path.read_text(encoding="utf-8")
        wrapper, visitor = MetadataWrapper(cst.parse_module(self.text)), Changes()
        wrapper.visit(visitor)
        self.module, self.changes = wrapper.module, visitor.found

    def mutated(self, number: int) -> str:
        """The text of the file with that change."""
        found = self.module.deep_replace(self.changes[number].old, self.changes[number].new)
        assert isinstance(found, cst.Module)
        return found.code

    def shown(self, number: int) -> str:
        """The changed line, with old and new between brackets."""
        before, after = self.text.splitlines(), self.mutated(number).splitlines()
        first = next(k for k, (a, b) in enumerate(zip([*before, None], [*after, None], strict=False)) if a != b)
        last = next(k for k, (a, b) in enumerate(zip(before[::-1], after[::-1], strict=False)) if a != b)
        was, now = ("\n".join(lines[first : max(first + 1, len(lines) - last)]) for lines in (before, after))
        return between(was.strip(), now.strip())


def between(was: str, now: str) -> str:
    """`a [b → c] d`, where a and d are what the two have in common, as far as whole words go."""
    start = common(was, now)
    rest = common(was[len(start) :][::-1], now[len(start) :][::-1])[::-1]
    while start and (start[-1].isalnum() or start[-1] in "_."):
        start = start[:-1]
    while rest and (rest[0].isalnum() or rest[0] in "_."):
        rest = rest[1:]
    cut = [text[len(start) : len(text) - len(rest)] for text in (was, now)]
    return " ".join(f"{start}⟦{cut[0]} → {cut[1]}⟧{rest}".split())


def common(one: str, other: str) -> str:
    """What both begin with."""
    differ = next((k for k, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    return one[:differ]
