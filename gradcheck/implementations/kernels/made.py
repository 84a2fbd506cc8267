"""`from_kernel`: what runs a kernel where there is no GPU is set up, the kernel is imported, and its wrapper becomes a target."""

import inspect
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from gradcheck.errors import Missing, Unusable
from gradcheck.implementations.kernels import numba, pallas, patched, triton, words
from gradcheck.implementations.kernels.awaited import awaited
from gradcheck.implementations.naming import titled
from gradcheck.implementations.record import Implementation, Layout
from gradcheck.implementations.takes import Takes
from gradcheck.implementations.targets import as_implementation, looked_up
from gradcheck.implementations.told import ALIASES, fields
from gradcheck.law import CrossEntropy

INTERPRETERS = (triton, pallas, numba)
SMALL = 200  # logits: an interpreted kernel takes milliseconds a sample
ROWS = Layout(samples="rows", labels="index")
DTYPES = (("float32", "float16", "bfloat16"), ("float32",))  # by PyTorch, and by JAX
FRAMEWORKS = ("gradcheck", "torch", "numpy", "scipy")
CANNOT = "no GPU runs it: races, the hardware's own functions, the order of its sums and its tiles are not seen"  # once in a report


def from_kernel(
    kernel: str | Callable[..., Any],
    *,
    call: str = "",
    blocks: Mapping[str, int] | None = None,
    layout: Layout | None = None,
    law: CrossEntropy | None = None,
    name: str = "",
    dtypes: tuple[str, ...] = (),
    takes: Takes | None = None,
) -> Implementation:
    """The wrapper of a GPU kernel, run by an interpreter: of Triton, of Pallas, or Numba's simulator of CUDA. No GPU is needed.

    `kernel` is best named, `module:function`, so that the interpreter is set up before it is imported. `call` says what it is
    called with: Z and Y, or X, theta, b and Y; options of the loss, which problems vary; and constants. It is a loss, with its
    gradients by autograd or by JAX. `blocks` replaces block sizes, so that few classes reach the loop over blocks. Small problems
    are posed unless `takes` says otherwise. docs/kernels.md says what an interpreter cannot show.

        implementation = gradcheck.from_kernel(
            "liger_kernel.ops.cross_entropy:LigerCrossEntropyFunction",
            call="Z, Y, None, ignore_index, 0.0, label_smoothing",
            blocks={"MAX_FUSED_SIZE": 2},
        )

    One that takes NumPy arrays, as those of Numba's kernels do, is a target as any other, and needs no `call`.
    What needs no interpreter is called as it is:

        >>> import gradcheck
        >>> call = "Z, Y, ignore_index=ignore_index, label_smoothing=label_smoothing"
        >>> gradcheck.from_kernel("torch.nn.functional:cross_entropy", call=call).varied
        ('ignore', 'smoothing')
    """
    word = words.read(kernel) if isinstance(kernel, str) else words.Word(titled(kernel))
    with awaited(INTERPRETERS):
        module, found = looked_up(word.place) if isinstance(kernel, str) else (_home(kernel), kernel)
    modules = patched.together(module)
    used = _used(module)
    for each in used:
        each.prepare()
    whole = [each for one in INTERPRETERS for each in one.settle(modules)]
    whole += patched.blocks(modules, {**word.blocks, **dict(map(words.checked, (blocks or {}).items()))})
    said, title = words.call(call) if call else word.call, name or word.place
    if numba in used or found is None or isinstance(found, Implementation):
        made = as_implementation(title, module if found is None else found)
        made = replace(made, layout=layout or made.layout, law=law or made.law, dtypes=dtypes or made.dtypes)
    else:
        made = _traced(found, said, layout or ROWS, jax=pallas in used)
        made = replace(made, name=title, law=law or _law(said), dtypes=dtypes or DTYPES[pallas in used])
    made = replace(made, takes=_small(takes or made.takes, made.takes.options or said.options), **_within(whole, made))
    made.home.notes.append("; ".join((*(each.CANNOT for each in used), CANNOT)))
    return made


def _home(kernel: Any) -> ModuleType:
    found = sys.modules.get(getattr(kernel, "__module__", None) or "")
    if found is None or not callable(kernel):
        raise Unusable(f"kernel {kernel!r:.60} is none; expected the function that launches it, or module:function")
    return found


def _used(module: ModuleType) -> tuple[ModuleType, ...]:
    """The interpreters of what a module imports, or what that does: of frameworks it is their own affair."""
    near = _names([module])
    further = near - {*FRAMEWORKS, *(each.PACKAGE for each in INTERPRETERS)}
    beyond = [each for name, each in list(sys.modules.items()) if name.split(".")[0] in further]
    names = near | _names([each for each in beyond if isinstance(each, ModuleType)])
    return tuple(each for each in INTERPRETERS if each.PACKAGE in names)


def _names(modules: Iterable[ModuleType]) -> set[str]:
    """The packages of what these have."""
    found = ((value, isinstance(value, ModuleType)) for module in modules for value in list(vars(module).values()))
    return {str(getattr(value, "__name__" if whole else "__module__", "")).split(".")[0] for value, whole in found}


def _traced(found: Any, call: words.Call, layout: Layout, *, jax: bool) -> Implementation:
    """A loss of the arrays of a framework, with its gradients."""
    if not callable(found):
        raise Unusable(f"kernel {titled(found)} is {found!r:.60}; expected the function that launches it")
    if jax:
        from gradcheck.implementations.jax import from_jax as made
        from gradcheck.implementations.jax import linear
    else:
        if find_spec("torch") is None:
            raise Missing.package(f"kernel {titled(found)}", "torch")
        from gradcheck.implementations.torch import from_torch as made
        from gradcheck.implementations.torch import linear

    if not call.of_logits and "b" not in call.names:
        layout = replace(layout, bias="absent")
    return made(_loss(found, call), logits=linear if call.of_logits else None, layout=layout)


def _loss(found: Any, call: words.Call) -> Callable[..., Any]:
    """The wrapper as a loss: of Z and Y, or of theta, b, X and Y. Of several results, the first is the loss."""
    keys = [key for key in ("theta", "b", "X", "Z", "Y") if key in call.names]
    function = _fitting(found, call)

    def loss(*arrays: Any, **options: Any) -> Any:
        given, named = call.arguments({**dict(zip(keys, arrays, strict=True)), **_none(options)})
        result = function(*given, **named)
        return result[0] if isinstance(result, tuple | list) else result

    return loss


def _fitting(found: Any, call: words.Call) -> Callable[..., Any]:
    """What is called, if it can be in this way: a torch.autograd.Function by `apply`, which takes no keywords."""
    applied = hasattr(found, "apply") and hasattr(found, "forward")
    try:
        expected = inspect.signature(found.forward if applied else found)
    except (TypeError, ValueError):  # of C: nobody says
        return found
    if applied:
        _, *rest = expected.parameters.values()
        expected = expected.replace(parameters=rest)
    given, named = call.arguments(dict.fromkeys(call.names))
    try:
        expected.bind(*given, **named)
    except TypeError as problem:
        takes = ", ".join(
            f"{each}" if each.default is each.empty else f"{each.name}={each.default!r}"
            for each in expected.parameters.values()
        )
        raise Unusable(f"{titled(found)} is called with ({call}): {problem}; it takes ({takes})") from None

    def called(*given: Any, **named: Any) -> Any:
        bound = expected.bind(*given, **named)
        bound.apply_defaults()
        return found.apply(*bound.args)

    return called if applied else found


def _none(options: Mapping[str, Any]) -> dict[str, Any]:
    """Wrappers say None where there is no cap."""
    return {name: None if ALIASES[name] == "softcap" and not value else value for name, value in options.items()}


def _law(call: words.Call) -> CrossEntropy:
    """What a mean divides by, where nothing is said: the labels that count, or their weights."""
    taken = fields(call.options)
    return CrossEntropy(
        mean_of="weights" if "class_weight" in taken else "labelled" if "ignore" in taken else "samples"
    )


def _small(given: Takes, options: tuple[str, ...]) -> Takes:
    """Small shapes, where no others are declared."""
    return replace(
        given, options=given.options or options, max_logits=given.max_logits or (0 if given.shapes else SMALL)
    )


def _within(every: list[patched.Replaced], made: Implementation) -> dict[str, Any]:
    """Its functions, called while these are in their places, and with interpreters for what they import only then."""
    later = tuple(
        each for each in INTERPRETERS if each.SWITCH and each.PACKAGE not in sys.modules and find_spec(each.PACKAGE)
    )
    if not (every or later):
        return {}
    functions = {name: patched.Within(made.function(name), tuple(every), later) for name in made.offers}
    return {**functions, "uses": {use: patched.Within(each, tuple(every), later) for use, each in made.uses.items()}}
