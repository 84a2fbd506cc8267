"""The notebook of examples/: what its cells are, and that its outputs are those of a failing and of a passing run."""

import json
from pathlib import Path

from docs import notebook

FOLDER = Path(__file__).parent.parent / "examples"


def test_the_notebook_is_executed_and_has_a_failing_and_a_passing_run():
    found = json.loads((FOLDER / "notebook.ipynb").read_text(encoding="utf-8"))
    assert (found["nbformat"], found["nbformat_minor"]) == (4, 5)
    assert ["".join(cell["source"]) for cell in found["cells"]] == list(notebook.CELLS)
    code = [cell for cell in found["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell["outputs"]]
    (raised,) = (output for output in outputs if output["output_type"] == "error")
    assert raised["ename"] == "Disagreement" and "not divided by n" in raised["evalue"]
    assert not any("File " in line for line in raised["traceback"])
    shown = [output["data"] for output in outputs if output["output_type"] == "execute_result"]
    assert sum("text/html" in data and "19 agree" in "".join(data["text/plain"]) for data in shown) == 2


def test_a_cell_is_run_as_a_kernel_runs_it():
    outputs = list(notebook._outputs("print('a')\n1 + 1", 1, {}))
    assert [output["output_type"] for output in outputs] == ["stream", "execute_result"]
    assert outputs[1]["data"] == {"text/plain": ["2"]}
    assert list(notebook._outputs("x = 1", 1, {})) == []
