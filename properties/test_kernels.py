"""Kernels are judged without a GPU: how they are named and called, what runs them, and what is put in its place."""

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType, SimpleNamespace

import ml_dtypes
import numpy as np
import pytest
from click.testing import CliRunner

import gradcheck
from gradcheck.auditing import audit_path
from gradcheck.cli import main
from gradcheck.errors import Unusable
from gradcheck.implementations.kernels import bfloat16, libdevice, numba, patched, triton, words

HERE = Path(__file__).parent
GRADIENTS = ["loss", "logits_gradient", "theta_gradient"]


# ---- how a kernel is named ----


def test_a_word_says_where_a_kernel_is_what_it_is_called_with_and_which_blocks_are_replaced():
    word = words.read("a.b:C[BLOCK=2, N=16](Z, Y, None, smoothing, cap=softcap, how='mean')")
    assert (word.place, word.blocks) == ("a.b:C", {"BLOCK": 2, "N": 16})
    assert word.call.of_logits and word.call.options == ("smoothing", "softcap")
    values = {"Z": 1, "Y": 2, "smoothing": 3, "softcap": 4}
    assert word.call.arguments(values) == ([1, 2, None, 3], {"cap": 4, "how": "mean"})
    assert str(word.call) == "Z, Y, None, smoothing, cap=softcap, how='mean'"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "expected module:function"),
        ("a:f(Z", "expected module:function"),
        ("a:f(Z, y)", "names 'y'"),
        ("a:f(Z)", "expected Z and Y, or X, theta, Y"),
        ("a:f(X, theta, Y, Z)", "expected Z and Y"),
        ("a:f(Z, Z, Y)", "expected Z and Y"),
        ("a:f(Z, Y, *[])", "expected arguments"),
        ("a:f(Z, Y, **{})", "expected arguments"),
        ("a:f(Z, Y, f())", "expected arguments"),
        ("a:f(Z, Y) + (1)", "expected"),
        ("a:f[BLOCK]", "expected NAME=N"),
        ("a:f[BLOCK=0]", "expected NAME=N"),
        ("a:f[BLOCK=99999999999999999999]", "expected NAME=N"),
        ("a:f(" + "(" * 3000 + ")" * 3000 + ")", "is not known"),
        ("no_such_package:f", "no module named"),
        ("gradcheck.sentences:nothing", "has no object"),
    ],
)
def test_what_names_no_kernel_is_refused_in_one_line(text, said):
    with pytest.raises(Unusable, match=r"^[^\n]*$") as refused:
        gradcheck.from_kernel(text)
    assert said in str(refused.value)


@pytest.mark.parametrize("kernel", [3, None, object()])
def test_what_is_no_function_is_refused(kernel):
    with pytest.raises(Unusable, match="expected the function that launches it"):
        gradcheck.from_kernel(kernel)


# ---- wrappers, blocks and calls, by PyTorch ----


def _verdicts(file: str, word: str, **said) -> dict[str, str]:
    """Of the gradients of a problem of three classes and two samples, which are labelled 0 and 2."""
    found = gradcheck.from_kernel(f"{HERE / file}:{word}", **said)
    theta, b, X = (np.float32(each) for each in ([[1, 2], [0, 1], [-1, 0]], [0, 1, -1], [[1, -1], [0.5, 2]]))
    given = found.gradients(theta, b, X, np.array([0, 2]))
    problem = gradcheck.Problem(theta, b[:, np.newaxis], X.T, np.float32([[1, 0], [0, 0], [0, 1]]))
    judged = gradcheck.judge_gradient(problem, theta=given["theta"], Z=given["Z"].T)
    return {name: verdict.outcome.value for name, verdict in judged.items()}


RIGHT, WRONG = dict.fromkeys(("theta", "Z"), "agree"), dict.fromkeys(("theta", "Z"), "disagree")


def test_a_fault_beyond_the_first_block_is_found_where_blocks_are_small():
    pytest.importorskip("torch")
    assert _verdicts("kernels_posed.py", "first_block") == RIGHT
    assert _verdicts("kernels_posed.py", "first_block", blocks={"BLOCK": 2}) == WRONG
    assert _verdicts("kernels_posed.py", "first_block[BLOCK=2]") == WRONG
    assert _verdicts("kernels_posed.py", "first_block") == RIGHT  # the block is its own again
    assert _verdicts("kernels_posed.py", "blocked[BLOCK=2]") == RIGHT


def test_small_problems_are_posed_unless_more_is_said():
    pytest.importorskip("torch")
    word = f"{HERE / 'kernels_posed.py'}:blocked"
    assert gradcheck.from_kernel(word).takes.max_logits == 200
    assert gradcheck.from_kernel(word, takes=gradcheck.Takes(shapes=("n=16k",))).takes.max_logits == 0


@pytest.mark.parametrize("word", ["blocked(Z, Y, label_smoothing)", "_Blocked(Z, Y, label_smoothing=smoothing)"])
def test_options_that_a_call_names_are_varied_and_handed_over(word):
    pytest.importorskip("torch")
    found = gradcheck.from_kernel(f"{HERE / 'kernels_posed.py'}:{word}")
    assert found.varied == ("smoothing",) and found.dtypes == ("float32", "float16", "bfloat16")
    assert not gradcheck.conform(found, checks=GRADIENTS, max_examples=20).failed


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("blocked[BLOC=2]", "did you mean BLOCK"),
        ("blocked(Z, Y, 0, 0)", "too many positional arguments; it takes (Z, Y, label_smoothing=0.0)"),
        ("_Blocked(Z, Y, smoothing=smoothing)", "unexpected keyword argument 'smoothing'"),
        ("BLOCK", "expected the function that launches it"),
    ],
)
def test_a_call_or_a_block_that_does_not_fit_is_told_before_anything_is_posed(word, said):
    pytest.importorskip("torch")
    with pytest.raises(Unusable) as refused:
        gradcheck.from_kernel(f"{HERE / 'kernels_posed.py'}:{word}")
    assert said in str(refused.value)


def test_the_command_line_says_once_what_an_interpreter_cannot_show(tmp_path, monkeypatch):
    pytest.importorskip("torch")
    monkeypatch.chdir(tmp_path)
    word = f"{HERE / 'kernels_posed.py'}:blocked(Z, Y, label_smoothing)"
    told = CliRunner().invoke(main, ["verify", "--kernel", word, "--max-examples", "10", "--check", "loss"])
    assert told.exit_code == 0 and told.output.replace("\n", " ").count("races") == 1
    apart = CliRunner().invoke(
        main, ["verify", "--kernel", word, "--isolate", "--max-examples", "3", "--check", "loss"]
    )
    assert apart.exit_code == 0 and apart.output.replace("\n", " ").count("races") == 1
    both = CliRunner().invoke(main, ["verify", "numpy", "--kernel", word])
    assert both.exit_code == 2 and "expected one of them" in both.output


# ---- Pallas ----


def test_pallas_kernels_are_interpreted_and_a_wrong_one_is_found():
    pytest.importorskip("jax")
    assert _verdicts("pallas_posed.py", "right") == RIGHT
    assert _verdicts("pallas_posed.py", "unlabelled") == WRONG
    found = gradcheck.from_kernel(f"{HERE / 'pallas_posed.py'}:right")
    assert "Pallas interprets it" in found.home.notes[0] and found.dtypes == ("float32",)


# ---- what Triton's interpreter lacks, of a Triton that is none ----


def test_float32_becomes_the_nearest_bfloat16_and_arithmetic_is_rounded_once():
    rng = np.random.default_rng(0)
    values = rng.standard_normal(4000) * 2.0 ** rng.integers(-140, 127, 4000)
    values = np.concatenate(
        [values.astype(np.float32), np.float32([0, -0.0, np.inf, -np.inf, 1e-45, 3.4e38, 1 + 2**-8])]
    )
    exact = values.astype(ml_dtypes.bfloat16)
    assert np.array_equal(bfloat16.narrowed(values), exact.view(np.uint16))
    assert np.array_equal(bfloat16.widened(exact.view(np.uint16)), exact.astype(np.float32))
    assert np.isnan(bfloat16.widened(bfloat16.narrowed(np.float32([np.nan]))))


class Handle:
    """As the interpreter's: numbers, and what they are."""

    def __init__(self, data, dtype):
        self.data, self.dtype = data, dtype


SHORT, LONG = SimpleNamespace(name="bf16"), SimpleNamespace(name="fp32")
SHORT.scalar, LONG.scalar = SHORT, LONG
LANGUAGE = SimpleNamespace(bfloat16=SHORT, float32=LONG)


def _builder():
    class Builder:
        def binary_op(self, one, other, op):
            return Handle(op(one.data, other.data), one.dtype)

        def create_dot(self, a, b, d, precision):
            return Handle(np.matmul(a.data, b.data, dtype=d.data.dtype) + d.data, d.dtype)

        def cast_impl(self, source, kind):
            return Handle(source.data, kind)

    bfloat16.widen(Builder, Handle, LANGUAGE)
    return Builder()


def _short(values):
    return Handle(bfloat16.narrowed(np.float32(values)), SHORT)


def test_sums_of_bfloat16_are_sums_of_numbers_and_not_of_patterns():
    builder = _builder()
    total = builder.binary_op(_short([1.5, 3.0]), _short([0.25, -1.0]), np.add)
    assert total.dtype is SHORT and bfloat16.widened(total.data).tolist() == [1.75, 2.0]
    less = builder.binary_op(_short([-1.0]), _short([0.25]), np.less)
    assert less.data.tolist() == [True]  # as patterns, it is not
    product = builder.create_dot(_short([[2.0]]), _short([[3.0]]), Handle(np.float32([[1.0]]), LONG), "ieee")
    assert product.dtype is LONG and product.data.tolist() == [[7.0]]
    assert builder.cast_impl(Handle(np.float32([1 + 2**-8 + 2**-12]), LONG), SHORT).data == _short([1 + 2**-7]).data
    assert builder.cast_impl(_short([3.0]), LONG).data.tolist() == [3.0]
    assert builder.binary_op(Handle(np.float32([1]), LONG), Handle(np.float32([2]), LONG), np.add).data.tolist() == [
        3.0
    ]


def test_stubs_of_libdevice_are_filled_and_what_is_unknown_says_so():
    stubs = ModuleType("stubs")
    for name in ("tanh", "rsqrt", "erf", "sad"):
        exec(f"def {name}(*given): ...", vars(stubs))
    libdevice.fill([stubs], lambda function: lambda *given: float(function(*given)))
    assert (stubs.tanh(0.5), stubs.rsqrt(4.0)) == (np.tanh(0.5), 0.5)
    assert stubs.erf(0.5) == pytest.approx(0.5204998778130465)
    with pytest.raises(NotImplementedError, match=r"libdevice\.sad is not interpreted"):
        stubs.sad(1, 2, 3)


def _pretend(monkeypatch, kind: str) -> ModuleType:
    """A Triton whose functions are of that kind, and whose interpreter is empty."""
    names = ("triton", "triton.language", "triton.language.extra", "triton.language.extra.libdevice", "triton.runtime")
    made = {name: ModuleType(name) for name in names}
    made["triton.language"].standard = SimpleNamespace(sum=type(kind, (), {})())
    made["triton.language"].float32, made["triton.language"].bfloat16 = LONG, SHORT
    made["triton.language"].tensor = lambda handle, dtype: handle
    made["triton.language.extra"].libdevice = made["triton.language.extra.libdevice"]
    made["triton"].language = made["triton.language"]
    interpreter = ModuleType("triton.runtime.interpreter")
    interpreter._implicit_cvt = lambda argument: argument
    interpreter.TensorHandle, interpreter.InterpreterBuilder = Handle, type(_builder())
    made["triton.runtime"].interpreter = interpreter
    for name, module in made.items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setenv(triton.SWITCH, "")
    return interpreter


def test_triton_that_was_imported_to_compile_is_told_to_be_too_late(monkeypatch):
    _pretend(monkeypatch, "JITFunction")
    with pytest.raises(Unusable, match="TRITON_INTERPRET=1 before Python starts"):
        triton.prepare()
    kernel = ModuleType("mine")
    kernel.launched = type("JITFunction", (), {})()
    with pytest.raises(Unusable, match=r"mine\.launched was imported to be compiled"):
        list(triton.settle([kernel]))


def test_floats_are_handed_to_a_kernel_as_float32_and_the_set_up_happens_once(monkeypatch):
    interpreter = _pretend(monkeypatch, "InterpretedFunction")
    triton.prepare()
    converted = interpreter._implicit_cvt
    triton.prepare()
    assert interpreter._implicit_cvt is converted
    assert converted(0.1).data == np.float32(0.1) and converted(0.1).dtype is LONG and converted(3) == 3


def test_numba_that_was_imported_to_compile_is_told_to_be_too_late(monkeypatch):
    late = SimpleNamespace(config=SimpleNamespace(ENABLE_CUDASIM=0))
    monkeypatch.setitem(sys.modules, "numba", late)
    monkeypatch.setenv(numba.SWITCH, "")
    with pytest.raises(Unusable, match="NUMBA_ENABLE_CUDASIM=1 before Python starts"):
        numba.prepare()
    assert os.environ[numba.SWITCH] == ""
    late.config.ENABLE_CUDASIM = 1
    numba.prepare()
    assert os.environ[numba.SWITCH] == "1" and not list(numba.settle([]))


def test_what_was_imported_to_compile_is_no_affair_of_a_kernel_that_does_not_use_it(monkeypatch):
    pytest.importorskip("torch")
    _pretend(monkeypatch, "JITFunction")
    monkeypatch.setitem(sys.modules, "numba", SimpleNamespace(config=SimpleNamespace(ENABLE_CUDASIM=0)))
    monkeypatch.setenv(numba.SWITCH, "")
    assert _verdicts("kernels_posed.py", "blocked[BLOCK=2]") == RIGHT
    assert (os.environ[triton.SWITCH], os.environ[numba.SWITCH]) == ("", "")


SIMULATED = """
import os
simulated = os.environ.get("NUMBA_ENABLE_CUDASIM")
config = type("config", (), {"ENABLE_CUDASIM": simulated == "1"})
class cuda: pass
cuda.__module__ = "numba"
"""
LAUNCHED = """
%sfrom numba import cuda
seen = []
def gradients(theta, b, X, Y):
    import numba
    seen.append(numba.simulated)
def loss(Z, Y):
    gradients(None, None, None, None)
    return Z.sum()
"""


@pytest.mark.parametrize("later", [False, True])
def test_an_interpreter_is_set_up_for_who_imports_it_and_for_nobody_else(tmp_path, monkeypatch, later):
    """A Numba that says how it was imported: by the module of a kernel, or when that is called."""
    pytest.importorskip("torch")
    (tmp_path / "numba.py").write_text(SIMULATED)
    (tmp_path / "launched.py").write_text(LAUNCHED % ("# " if later else ""))
    (tmp_path / "other.py").write_text("import math\ndef loss(Z, Y): return Z.sum()\n")
    monkeypatch.delitem(sys.modules, "numba", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv(numba.SWITCH, "0")
    before, given = list(sys.meta_path), (np.ones((2, 1)), np.ones(2), np.ones((3, 1)), np.zeros(3, int))
    gradcheck.from_kernel(f"{tmp_path / 'other.py'}:loss").loss(*given)
    assert "numba" not in sys.modules and os.environ[numba.SWITCH] == "0"
    found = gradcheck.from_kernel("launched:loss" if later else "launched:gradients")
    assert ("numba" in sys.modules) is not later
    found.loss(*given) if later else found.gradients(*given)
    assert sys.modules["launched"].seen == ["1"] and sys.meta_path == before
    for name in ("numba", "launched"):
        del sys.modules[name]


def test_blocks_of_tuned_kernels_are_replaced_for_a_while():
    module = ModuleType("mine")
    tuned = type("Tuned", (), {"__module__": "triton.runtime.autotuner"})
    ruled, kernel = tuned(), tuned()
    kernel.fn, ruled.fn = ruled, None
    kernel.configs, ruled.values = [SimpleNamespace(kwargs={"BLOCK": 128})], {"GROUP": lambda arguments: 8}
    module.kernel, module.BLOCK = kernel, 64

    def now():
        return module.BLOCK, kernel.configs[0].kwargs["BLOCK"], ruled.values["GROUP"]({})

    with patched.patched(tuple(patched.blocks([module], {"BLOCK": 2, "GROUP": 1}))):
        assert now() == (2, 2, 1)
    assert now() == (64, 128, 8)
    with pytest.raises(Unusable, match="it has BLOCK, GROUP"):
        list(patched.blocks([module], {"WIDE": 2}))


# ---- where the packages are installed ----


def test_numba_kernels_run_in_its_simulator_and_a_wrong_one_is_found():
    require("numba")
    failing = {}
    for word in ("gradients", "gradients[SHARE=2]"):
        found = gradcheck.from_kernel(f"{HERE / 'numba_posed.py'}:{word}", takes=gradcheck.Takes(max_logits=12))
        run = gradcheck.conform(found, dtype="float64", checks=["logits_gradient"], max_examples=4)
        failing[word] = bool(run.failures)
        assert "simulator" in run.notes[0]
    assert failing == {"gradients": False, "gradients[SHARE=2]": True}


def require(*packages: str) -> None:
    """Skipped where one is not installed; none is imported, since Triton would then compile."""
    missing = [package for package in packages if find_spec(package) is None]
    if missing:
        pytest.skip(f"{missing[0]} is not installed")


@pytest.fixture
def triton_kernels():
    """The module of kernels; skipped where there is no Triton."""
    require("triton")
    triton.prepare()
    from triton_posed import launched

    return launched


@pytest.mark.parametrize("name", ["float32", "float16", "bfloat16"])
def test_triton_computes_in_bfloat16_as_pytorch_does_and_knows_libdevice(triton_kernels, name):
    torch = pytest.importorskip("torch")
    x, y = torch.randn(2, 50, generator=torch.Generator().manual_seed(0)).to(getattr(torch, name))
    summed, bent = triton_kernels(x, y, 30.0)
    assert torch.equal(summed, x * y + x)
    assert torch.equal(bent, (torch.from_numpy(np.tanh((x.float() / 30).numpy())) * 30).to(x.dtype))


@pytest.fixture
def liger():
    """Liger's kernels in the interpreter; skipped where they are not installed."""
    require("liger_kernel", "triton")
    return gradcheck.load("liger-fused")


@pytest.mark.parametrize("name", ["liger", "liger-fused"])
def test_liger_is_right_and_its_second_backward_is_wrong_as_published(liger, name):
    found = gradcheck.load(name)
    run = gradcheck.conform(
        found, dtype="bfloat16", checks=["loss", "theta_gradient", "backward_twice"], max_examples=10
    )
    wrong = {check for check, tally in run.tallies.items() if tally.outcome.value == "disagree"}
    assert wrong == {"backward_twice"} and not run.failed


def test_a_fused_loss_of_liger_is_captured_and_audited_and_a_fault_in_its_data_gradient_is_found(liger, tmp_path):
    torch = pytest.importorskip("torch")
    from liger_kernel.ops.fused_linear_cross_entropy import LigerFusedLinearCrossEntropyFunction as Fused

    outcomes = {}
    for wrong in (False, True):
        made = torch.Generator().manual_seed(2)
        X, W = torch.randn(12, 16, generator=made), torch.randn(100, 16, generator=made) / 4
        y = torch.randint(100, (12,), generator=made)
        y[:3] = -100
        loss = Fused.apply(X.requires_grad_(), W.requires_grad_(), y, None, None, -100, 0.0, 0.0, "mean", 30.0)[0]
        dump = tmp_path / f"{wrong}"
        step = gradcheck.capture.fused(X, W, None, y, loss, dump, softcap=30.0)
        if wrong:
            loss.grad_fn.saved_tensors[0].data[8:] = 0  # the last chunk of the gradient that forward has saved
        loss.backward()
        step.write()
        found = audit_path(dump)
        outcomes[wrong] = {each.quantity: each.verdict.outcome.value for each in found.findings}
    assert set(outcomes[False].values()) == {"agree"} and "grad_X" in outcomes[False]
    assert [quantity for quantity, outcome in outcomes[True].items() if outcome != "agree"] == ["grad_X"]
