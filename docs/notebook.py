"""The notebook of examples/, with the outputs of really running it: made by `python -m docs.generate`, without Jupyter."""

import ast
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

Cell = dict[str, Any]
CELLS = (
    """# gradcheck in a notebook

`gradcheck.check` takes the function as it is. It raises with what is wrong, or returns the run.""",
    "import numpy as np\n\nimport gradcheck",
    "This softmax classifier forgets to divide by n:",
    '''def gradients(theta, b, X, Y):
    """theta (L, d), b (L, 1), X (d, n), Y (L, n)"""
    Z = theta @ X + b
    A = np.exp(Z - Z.max(axis=0))
    D = A / A.sum(axis=0) - Y
    return {"theta": D @ X.T, "b": D.sum(axis=1, keepdims=True)}''',
    "gradcheck.check(gradients)",
    "If the sum was meant, that can be declared. The same code then agrees:",
    'gradcheck.check(gradients, law=gradcheck.CrossEntropy(reduction="sum"))',
    "Otherwise it is mended:",
    """def mended(theta, b, X, Y):
    return {name: gradient / X.shape[1] for name, gradient in gradients(theta, b, X, Y).items()}


run = gradcheck.check(mended)
run""",
    "A run says what was found as text, too, and one gradient of one problem can be judged by itself:",
    """print(run.report())""",
    """problem = gradcheck.Problem(np.zeros((2, 1)), np.zeros((2, 1)), np.array([[64.0, 0.0]]), np.array([[1.0, 1.0], [0.0, 0.0]]))
gradcheck.judge_gradient(problem, **gradients(*problem.arrays()))""",
)


def text() -> str:
    """The notebook as JSON (nbformat 4.5), run from its first cell to its last."""
    names: dict[str, Any] = {"__name__": "__main__"}
    cells, count = [], 0
    with TemporaryDirectory() as folder, _inside(folder):
        for number, source in enumerate(CELLS):
            if _is_code(source):
                count += 1
                cells.append(_code(number, source, count, names))
            else:
                cells.append(
                    {"cell_type": "markdown", "id": f"cell-{number}", "metadata": {}, "source": _lines(source)}
                )
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    whole = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


@contextmanager
def _inside(folder: str) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def _is_code(source: str) -> bool:
    try:
        return bool(ast.parse(source).body)
    except SyntaxError:
        return False


def _code(number: int, source: str, count: int, names: dict[str, Any]) -> Cell:
    outputs = list(_outputs(source, count, names))
    return {
        "cell_type": "code",
        "execution_count": count,
        "id": f"cell-{number}",
        "metadata": {},
        "outputs": outputs,
        "source": _lines(source),
    }


def _outputs(source: str, count: int, names: dict[str, Any]) -> Iterator[Cell]:
    """What a kernel would send: what was printed, then the value of the last line, or what was raised."""
    *before, last = ast.parse(source).body
    shown = isinstance(last, ast.Expr)
    printed, value, raised = StringIO(), None, None
    with redirect_stdout(printed):
        try:
            exec(compile(ast.Module(before if shown else [*before, last], []), "<cell>", "exec"), names)
            value = eval(compile(ast.Expression(last.value), "<cell>", "eval"), names) if shown else None
        except Exception as problem:
            raised = problem
    if printed.getvalue():
        yield {"name": "stdout", "output_type": "stream", "text": _lines(printed.getvalue())}
    if raised is not None:
        lines = raised._render_traceback_()  # type: ignore[attr-defined]
        yield {"ename": type(raised).__name__, "evalue": str(raised), "output_type": "error", "traceback": lines}
    elif value is not None:
        data = {"text/plain": _lines(repr(value))}
        if hasattr(value, "_repr_html_"):
            data = {"text/html": _lines(value._repr_html_()), **data}
        yield {"data": data, "execution_count": count, "metadata": {}, "output_type": "execute_result"}


def _lines(source: str) -> list[str]:
    return source.splitlines(keepends=True)


if __name__ == "__main__":
    sys.stdout.write(text())
