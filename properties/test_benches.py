"""Adapters of graders, each against its interface as it is published, made again here: right kernels pass, eight faults do not."""

from types import SimpleNamespace

import numpy as np
import pytest

import gradcheck
from benchmarks.kernel_tests.faults import FAULTS, faults
from benchmarks.kernel_tests.kernels import direct
from gradcheck import ops
from gradcheck.benches import backendbench, flashinfer, gpu_mode, kernelbench, robust_kbench

N, L = 12, 200
DRAW = np.random.default_rng(0)
Z, Y = DRAW.standard_normal((N, L)).astype("f4"), DRAW.integers(0, L, N)
SCALE = np.full((N, 1), 1 / N)
RIGHT = direct(Z, Y, SCALE.astype("f4"))
WRONG = [(name, d.astype("f4")) for name, d in faults(Z.astype("f8"), Y, SCALE, N)]
E = np.exp(Z - Z.max(axis=1, keepdims=True))
SOFTMAX = E / E.sum(axis=1, keepdims=True)


def gradient(z, y):
    return (ops.cross_entropy(z, y), "Z")


def run_and_check_correctness(correctness_fn, kernel):
    """KernelBench: a reference and a kernel on the same inputs, and one call in the place of allclose."""
    inputs = [Z, Y]
    return bool(correctness_fn(RIGHT, kernel(*inputs), inputs, np.float32))


class Evaluator:
    """flashinfer-bench: asked whether it can evaluate a definition, then with a solution that can be run."""

    @classmethod
    def can_evaluate(cls, definition):
        raise NotImplementedError

    @classmethod
    def check_correctness(cls, definition, sol_runnable, inputs, ref_outputs, cfg, log_path, device):  # noqa: PLR0917
        raise NotImplementedError


def kernel_bench(array):
    return run_and_check_correctness(kernelbench.correctness_fn(gradient), lambda z, y: array)


def flashinfer_bench(array):
    """Inputs and outputs are lists; a solution returns what it computes, or writes it to memory that it is given."""
    made = flashinfer.evaluator(
        {"cross_entropy_backward": gradient}, base=Evaluator, wrong=lambda said, **where: {"log": said, **where}
    )
    definition = SimpleNamespace(op_type="cross_entropy_backward", name="ce_v200")
    assert issubclass(made, Evaluator) and made.can_evaluate(definition)
    assert not made.can_evaluate(SimpleNamespace(op_type="rmsnorm"))
    correctness, evaluation = made.check_correctness(
        definition, lambda z, y: array, [[Z, Y]], [[RIGHT]], None, "log", "cpu"
    )
    assert (correctness is None) != (evaluation is None)
    assert evaluation is None or (evaluation["device"], evaluation["log_path"]) == ("cpu", "log")
    return evaluation is None


def leaderboard(array):
    said = gpu_mode.match(lambda z, y: [ops.cross_entropy(z, y), gradient(z, y)])((Z, Y), (loss(), array))
    assert said == "" or "∂cross_entropy/∂Z" in said
    return said == ""


def robust(array):
    judge = robust_kbench.checks(ops.cross_entropy, wrt=("Z",))
    assert judge.outputs(loss(), (Z, Y)) and not judge.outputs(loss() * np.float32(1.01), (Z, Y))
    return bool(judge.gradients((array, None), (Z, Y)))


def loss():
    return np.float32(-np.log(SOFTMAX.astype("f8")[np.arange(N), Y]).mean())


def backend_bench(array):
    """The backward of a log softmax of minus the labels over n, which is the gradient of the cross-entropy."""
    g, log_A = np.zeros((N, L), "f4"), np.log(SOFTMAX)
    g[np.arange(N), Y] = np.float32(-1 / N)
    right = g - np.exp(log_A) * g.sum(axis=1, keepdims=True)
    return aten(
        "_log_softmax_backward_data.default", lambda *_: right if array is RIGHT else array, g, log_A, 1, "f4"
    ).is_correct


@pytest.mark.parametrize("grader", (kernel_bench, flashinfer_bench, backend_bench, leaderboard, robust))
def test_graders_accept_the_right_kernel_and_refuse_eight_faults(grader):
    assert grader(RIGHT)
    assert [name for name, d in WRONG if grader(d)] == []
    assert len(WRONG) == len(FAULTS) == 8


def aten(name, impl, *args, **kwargs):
    test = SimpleNamespace(args=args, kwargs=kwargs)
    return backendbench.eval_correctness_test(f"aten.{name}", impl, test)


def test_backendbench_judges_operators_of_aten_by_their_arguments():
    g, log_A = DRAW.standard_normal((N, L)).astype("f4"), np.log(SOFTMAX)
    gA = g * SOFTMAX
    back = gA - SOFTMAX * gA.sum(axis=1, keepdims=True)
    picked = -log_A[np.arange(N), Y].mean()
    cases = (
        ("_softmax.default", SOFTMAX, (Z, -1, False), {}),
        ("_log_softmax.default", log_A, (Z, 1, False), {}),
        ("_softmax_backward_data.default", back, (g, SOFTMAX, 1, "float32"), {}),
        ("_log_softmax_backward_data.default", g - SOFTMAX * g.sum(1, keepdims=True), (g, log_A, 1, "float32"), {}),
        ("nll_loss_forward.default", (picked, np.float32(N)), (log_A, Y, None, 1, -100), {}),
        ("sum.dim_IntList", SOFTMAX.sum(1), (SOFTMAX, [1]), {}),
        ("mean.dim", SOFTMAX.mean(0, keepdims=True), (SOFTMAX, [0], True), {}),
        ("mm.default", Z @ g.T, (Z, g.T), {}),
        ("addmm.default", 2 * (Z @ g.T) + Z[:, :N], (Z[:, :N], Z, g.T), {"alpha": 2}),
    )
    for name, right, args, kwargs in cases:
        found = aten(name, lambda *_, right=right, **__: right, *args, **kwargs)
        assert found.is_correct, found.error_msg
        wrong = (right[0] * np.float32(1.01), right[1]) if isinstance(right, tuple) else right * np.float32(1.01)
        found = aten(name, lambda *_, wrong=wrong, **__: wrong, *args, **kwargs)
        assert not found.is_correct and "not explained" in found.error_msg
    share = np.zeros((N, L), "f4")
    share[np.arange(N), Y] = np.float32(-1 / N)
    args = (np.float32(1), log_A, Y, None, 1, -100, np.float32(N))
    assert aten("nll_loss_backward.default", lambda *_: share, *args).is_correct
    assert not aten("nll_loss_backward.default", lambda *_: 0 * share, *args).is_correct
    assert "not judged" in aten("relu.default", lambda x: x, Z).error_msg
    assert "raised" not in aten("_softmax.default", lambda *_: 1 / 0, Z, 1, False).error_msg
    assert not aten("_softmax.default", lambda *_: 1 / 0, Z, 1, False).is_correct


def test_our_problems_are_the_inputs_of_a_grader():
    made = kernelbench.correctness_fn(ops.softmax)
    for p in gradcheck.problems_for(ops.softmax, [(5, 40)], count=8):
        (z,) = p.inputs
        e = np.exp(z - z.max(axis=1, keepdims=True))
        assert made(None, e / e.sum(axis=1, keepdims=True), p.inputs)
        assert not made(None, np.exp(z - z.max(axis=1, keepdims=True)) / np.float32(40), p.inputs) or np.ptp(z) == 0


def test_a_missing_output_is_said():
    said = gpu_mode.match(lambda z, y: [ops.cross_entropy(z, y), gradient(z, y)])((Z, Y), RIGHT)
    assert "outputs given: 1, described: 2" in said
    judge = robust_kbench.checks(ops.cross_entropy, wrt=("Z",))
    assert not judge.gradients((None, None), (Z, Y))
    found = flashinfer.evaluator({"s": ops.softmax}).check_correctness(
        SimpleNamespace(op_type="s"), lambda Z: (SOFTMAX, Z), [[Z]], [[SOFTMAX]], None, "", ""
    )
    assert found == (None, "outputs given: 2, described: 1; expected as many")
    assert "not judged" in aten("sum.default", lambda x: x.sum(), Y).error_msg


def test_who_writes_to_inputs_is_judged_by_what_they_were():
    def zeroed(Z, *_):
        Z[:] = 0
        return np.full_like(Z, 1 / np.float32(L))

    given = Z.copy()
    assert not aten("_softmax.default", zeroed, given, -1, False).is_correct and not given.any()
    theirs = flashinfer.evaluator({"softmax": ops.softmax})
    given = Z.copy()
    found, failure = theirs.check_correctness(
        SimpleNamespace(op_type="softmax"), zeroed, [[given]], [[SOFTMAX]], None, "", ""
    )
    assert found is None and "not explained" in failure and not given.any()


def test_what_judges_nothing_accepts_nothing():
    assert gpu_mode.match(lambda z: [None])(Z, Z) == "nothing of it is described, and nothing was judged"
    theirs = flashinfer.evaluator({"softmax": ops.softmax})
    found, failure = theirs.check_correctness(SimpleNamespace(op_type="softmax"), None, [], [], None, "", "")
    assert found is None and "no inputs are given" in failure


def test_what_a_solution_writes_is_judged_and_memory_that_it_leaves_holds_nothing():
    torch = pytest.importorskip("torch")
    theirs, z = flashinfer.evaluator({"softmax": ops.softmax}), torch.from_numpy(Z)

    def judged(write):
        solution = type("Solution", (), {"__call__": lambda self, z, out: write(z, out)})()
        solution.metadata = SimpleNamespace(destination_passing_style=True)
        given = ([[z]], [[torch.softmax(z, 1)]], None, "", "")
        return theirs.check_correctness(SimpleNamespace(op_type="softmax"), solution, *given)

    assert judged(lambda z, out: torch.softmax(z, 1, out=out))[1] is None
    assert judged(lambda z, out: None)[1].startswith("softmax: nan at [0, 0]")


def test_flashinfer_bench_takes_the_evaluator_into_its_registry(monkeypatch):
    """Their own classes, where the package is installed."""
    torch = pytest.importorskip("torch")
    registry = pytest.importorskip("flashinfer_bench.bench.evaluators.registry")
    from flashinfer_bench.bench.utils import make_eval
    from flashinfer_bench.data import Correctness, Definition, EvaluationStatus

    text = "import torch\ndef run(z):\n    return torch.softmax(z, -1)\n"
    spec = {"shape": ["n", "V"], "dtype": "float32"}
    axes = {"n": {"type": "var"}, "V": {"type": "const", "value": L}}
    definition = Definition(
        name="softmax", op_type="softmax", axes=axes, inputs={"z": spec}, outputs={"A": spec}, reference=text
    )
    made = flashinfer.evaluator(
        {"softmax": ops.softmax},
        base=registry.DefaultEvaluator,
        right=lambda found: Correctness(extra={"ratio": found[0][0].ratio}),
        wrong=lambda said, **where: make_eval(
            EvaluationStatus.INCORRECT_NUMERICAL, correctness=Correctness(), extra_msg=said, **where
        ),
    )
    monkeypatch.setattr(registry, "_EVALUATORS", [made, *registry._EVALUATORS])
    assert registry.resolve_evaluator(definition) is made
    z = torch.from_numpy(Z)
    for wrong in (0.0, 0.01):
        correctness, evaluation = made.check_correctness(
            definition,
            lambda z, by=1 + wrong: torch.softmax(z, -1) * by,
            [[z]],
            [[torch.softmax(z, -1)]],
            None,
            "",
            "cpu",
        )
        if not wrong:
            assert evaluation is None and correctness.extra["ratio"] < 1
        else:
            assert evaluation.status is EvaluationStatus.INCORRECT_NUMERICAL and "not explained" in evaluation.log
