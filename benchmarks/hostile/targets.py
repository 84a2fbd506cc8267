"""Targets that do what no target should, each of them a few lines; `good` and `wrong` are above all of them.

What each must come to is said where it is not "1 or 2": right code that does something odd may end with 0, and what takes
away the means to judge it may not.
"""

from benchmarks.hostile.commands import Attack

ABOVE = """
import atexit, builtins, ctypes, gc, os, re, resource, signal, subprocess, sys, threading, time
import numpy as np
calls = 0
def good(theta, b, X, Y):
    global calls
    calls += 1
    Z = theta @ X + b
    A = np.exp(Z - Z.max(0))
    D = (A / A.sum(0) - Y) / X.shape[1]
    return {"theta": D @ X.T, "b": D.sum(1, keepdims=True)}
def wrong(*a):
    found = good(*a)
    return {**found, "theta": 2 * found["theta"]}
def parent(pid):
    return int(open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[1])
"""


def _call(*lines: str, then: str = "good") -> str:
    """`gradients`, which does this first."""
    return "\n    ".join(["def gradients(*a):", *lines, f"return {then}(*a)"])


def _raises(words: str) -> str:
    return f"def gradients(*a): raise {words}"


RIGHT = (0,)
ODD = (0, 1)  # right code that loses its process, or does not, as the moment has it
STOPPED = (1, 130)
ANY = (0, 1, 2)

ENDING = {
    "right": Attack("gradients = good", RIGHT),
    "wrong": Attack("gradients = wrong", (1,)),
    "exits in a call": Attack("def gradients(*a): os._exit(0)", (1,)),
    "exits when imported": Attack("os._exit(0)"),
    "exits in C": Attack("def gradients(*a): ctypes.CDLL(None).exit(0)", (1,)),
    "exits at exit": Attack("atexit.register(lambda: os._exit(0))\natexit.register(lambda: time.sleep(99))\ngradients = wrong", (1,)),
    "exits in a thread": Attack(_call("threading.Timer(0.3, lambda: os._exit(0)).start()"), ODD),
    "exits from hooks": Attack(
        "sys.excepthook = threading.excepthook = sys.unraisablehook = lambda *a: os._exit(0)\n" + _raises("ValueError"), (1,)
    ),
    "exits from a collection": Attack("gc.callbacks.append(lambda *a: sys.exit(0))\ngc.set_threshold(1)\ngradients = wrong"),
    "exits when it is freed": Attack(
        "class D:\n    def __del__(self): os._exit(0)\nkeep = [D()]\ngradients = wrong", (1,)
    ),
    "raises when freed": Attack(
        "class D:\n    def __del__(self): raise SystemExit(0)\n" + _call("d = D()", "d.d = d"), RIGHT
    ),
    "sys.exit": Attack(_raises("SystemExit(0)"), (1,)),
    "takes sys.exit away": Attack(_call("sys.exit = lambda *x: None", then="wrong"), (1,)),
    "traces": Attack(_call("sys.settrace(lambda *x: (_ for _ in ()).throw(SystemExit(0)))"), (1,)),
    "looked into": Attack("class X:\n    def __getattr__(self, name): raise SystemExit(0)\ngradients = X()"),
    "GeneratorExit": Attack(_raises("GeneratorExit"), (1,)),
    "KeyboardInterrupt": Attack(_raises("KeyboardInterrupt"), (1, 130)),
    "exits when it is shown": Attack(
        "class B(BaseException):\n    def __str__(self): os._exit(0)\n" + _raises("B"), (1,)
    ),
    "click's Exit": Attack("import click\n" + _raises("click.exceptions.Exit(0)"), (1,)),
    "click's Exit, imported": Attack("import click\nraise click.exceptions.Exit(0)"),
    "click's Abort": Attack("import click\n" + _raises("click.Abort()"), (1,)),
    "our own end": Attack("from gradcheck.cli.group import Left\n" + _raises("Left(0)"), (1,)),
    "our own end, imported": Attack("from gradcheck.cli.group import Left\nraise Left(0)"),
    "our own refusal": Attack("import gradcheck\n" + _raises("gradcheck.Unusable('\\x1b[31m::error::x')")),
    "declines": Attack("from gradcheck.implementations.layout import NotPosed\n" + _raises("NotPosed('no')"), (1, 2, 3)),
    "Hypothesis' own": Attack("from hypothesis.errors import UnsatisfiedAssumption\n" + _raises("UnsatisfiedAssumption"), (1,)),
    "Hypothesis' StopTest": Attack("from hypothesis.errors import StopTest\n" + _raises("StopTest(0)"), (1,)),
    "our own finding": Attack("from gradcheck.conformance import Found\n" + _raises("Found(None)"), (1,)),
    "a test that is skipped": Attack("import pytest\ndef gradients(*a): pytest.skip('no')", (1,)),
    "a test within": Attack(
        "from hypothesis import given, settings, strategies as st\n@settings(max_examples=3, database=None)\n@given(st.integers())\n"
        "def inner(n): pass\n" + _call("inner()"), RIGHT
    ),
    "stands still": Attack(_call("os.kill(os.getpid(), signal.SIGSTOP)"), STOPPED, interrupted=5),
    "crashes": Attack("def gradients(*a): ctypes.string_at(0)", (1,)),
    "is killed": Attack("def gradients(*a): os.kill(os.getpid(), 9)", (1,)),
    "seccomp": Attack(_call("ctypes.CDLL(None).prctl(22, 1, 0, 0, 0)"), (1,)),
    "a pointer to nothing": Attack(
        "class P:\n    __array_interface__ = {'shape': (2, 2), 'typestr': '<f8', 'data': (8, False), 'version': 3}\n"
        "def gradients(*a): return {'theta': P()}", (1,)
    ),
}  # fmt: skip

PROCESSES = {
    "forks when imported": Attack("p = os.fork()\nif p:\n    os.waitpid(p, 0)\n    os.kill(os.getpid(), 11)\ngradients = wrong"),
    "becomes a daemon": Attack("if os.fork(): os._exit(0)\nos.setsid()\nif os.fork(): os._exit(0)\ngradients = wrong"),
    "goes on in a child": Attack(_call("if calls == 3:", "    p = os.fork()", "    if p:", "        os.waitpid(p, 0); os._exit(0)", then="wrong"), (1,)),
    "goes on in both": Attack(_call("if calls == 3: os.fork()"), ODD),
    "raises in a child": Attack(
        _call("if calls == 3:", "    p = os.fork()", "    if p:", "        os.waitpid(p, 0); os._exit(0)", "    raise ValueError('child')"), (1,)
    ),
    "kills its parent": Attack(_call("os.kill(os.getppid(), 9)"), (1,)),
    "stops its parent": Attack(_call("os.kill(os.getppid(), signal.SIGSTOP)", "os._exit(0)"), STOPPED, interrupted=5),
    "kills its grandparent": Attack(_call("os.kill(parent(os.getppid()), 9)"), (1, -9)),
    "ends its group": Attack(_call("os.killpg(0, signal.SIGTERM)"), (1, 130)),
    "starts others in sessions of their own": Attack(
        _call("if calls < 3: subprocess.Popen('setsid sleep 777 & setsid setsid sleep 777 &', shell=True)"), RIGHT
    ),
    "leaves a pool": Attack(
        "import concurrent.futures as f\npool = None\n"
        + _call("global pool", "pool = pool or f.ProcessPoolExecutor(2)", "pool.submit(abs, 1).result()"), RIGHT
    ),
    "leaves a pool that is spawned": Attack(
        "import concurrent.futures as f, multiprocessing as m\npool = None\n"
        + _call("global pool", "pool = pool or f.ProcessPoolExecutor(1, m.get_context('spawn'))", "pool.submit(abs, 1).result()"), RIGHT
    ),
    "leaves a thread": Attack(_call("if calls < 3: threading.Thread(target=time.sleep, args=(600,)).start()"), RIGHT),
    "interrupts later": Attack(
        "import _thread\n" + _call("_thread.start_new_thread(lambda: (time.sleep(0.5), _thread.interrupt_main()), ())"), (0, 1, 130)
    ),
    "an alarm": Attack(_call("signal.setitimer(signal.ITIMER_REAL, 0.01)"), ODD),
    "an alarm later": Attack("signal.alarm(1)\ngradients = good", ODD),
    "blocks signals": Attack("signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())\ngradients = good", RIGHT),
    "a pile of dead children": Attack(_call("for _ in range(3):", "    if not os.fork(): os._exit(0)"), RIGHT),
    "reaps ours": Attack(
        _call("try:", "    while os.waitpid(-1, os.WNOHANG)[0]: pass", "except ChildProcessError: pass"), RIGHT
    ),
    "limits its parent's files": Attack(_call("resource.prlimit(os.getppid(), resource.RLIMIT_NOFILE, (3, 3))"), RIGHT),
    "limits its parent's time": Attack(_call("resource.prlimit(os.getppid(), resource.RLIMIT_CPU, (1, 1))"), ODD),
    "another user": Attack("try: os.setuid(65534)\nexcept OSError: pass\ngradients = wrong"),
}  # fmt: skip

FILES = {
    "closes all files": Attack(_call("os.closerange(0, 100)"), RIGHT),
    "closes all files, wrong": Attack(_call("os.closerange(0, 100)", then="wrong")),
    "closes all files when imported": Attack("os.closerange(0, 100)\ngradients = good", RIGHT),
    "closes standard output": Attack("os.close(1)\ngradients = wrong", (1,), ("disagree",)),
    "closes standard error": Attack("os.close(2)\ngradients = wrong", (1,)),
    "closes standard input": Attack("os.close(0)\ngradients = good", RIGHT),
    "turns output to nowhere": Attack("os.dup2(os.open('/dev/null', os.O_WRONLY), 1)\ngradients = wrong", (1,), ("disagree",)),
    "swaps standard output": Attack(
        "class S:\n    def __getattr__(self, name): os._exit(0)\nsys.stdout = sys.stderr = S()\ngradients = wrong"
    ),
    "no folder": Attack("import tempfile\nd = tempfile.mkdtemp(); os.chdir(d); os.rmdir(d)\ngradients = wrong", (1,)),
    "escapes to the terminal": Attack(_call("sys.stdout.write('\\x1b[?1049h\\x1b[31m'); sys.stdout.flush()"), RIGHT),
    "no files": Attack("resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))\ngradients = wrong"),
    "no writing": Attack("resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\ngradients = wrong"),
    "no time": Attack("resource.setrlimit(resource.RLIMIT_CPU, (1, 1))\ngradients = good", (0, 1)),
    "prints without end": Attack(_call("print('x' * 10**6)"), RIGHT),
    "no environment": Attack("os.environ.clear()\ngradients = good", RIGHT),
    "a file cut short": Attack(
        "import tempfile\nf = tempfile.TemporaryFile(); f.truncate(8192)\nm = np.memmap(f, float, 'r', 4096, (2, 2))\nf.truncate(0)\n"
        "def gradients(*a): return {'theta': m}", (1,)
    ),
}  # fmt: skip

TEXTS = {
    "an escape when imported": Attack("raise ImportError('\\x1b[31mX\\x07\\n::error::x')"),
    "an escape when called": Attack(_raises("ValueError('\\x1b[31mX\\x07\\n::error::x ##[error]y')"), (1,)),
    "a text of 20 MB": Attack(_raises("ValueError('x' * 20_000_000 + str(os.urandom(4)))"), (1,)),
    "a group of 10000": Attack(_raises("ExceptionGroup('a' * 10**6, [ValueError('::error::x\\x1b]0;t\\x07') for _ in range(10**4)])"), (1,)),
    "a chain of causes": Attack(
        "def gradients(*a):\n    e = None\n    for i in range(5000):\n        n = ValueError('x'); n.__cause__ = e; e = n\n    raise e", (1,)
    ),
    "deep lists": Attack("def gradients(*a):\n    x = []\n    for i in range(30000): x = [x]\n    return x, x", (1,)),
    "deep lists, shown": Attack("def gradients(*a):\n    sys.setrecursionlimit(10**6)\n    x = []\n    for i in range(500000): x = [x]\n    repr(x)", (1,)),
    "recursion": Attack("sys.setrecursionlimit(10**9)\ndef f(n): return f(n + 1)\ndef gradients(*a): f(0)", STOPPED, interrupted=5),
    "RecursionError": Attack(_raises("RecursionError('deep')"), (1,)),
    "a name of 1 MB": Attack(_raises("type('x' * 10**6, (Exception,), {})"), (1,)),
    "a name with escapes": Attack(_raises("type('\\x1b[31m\\n::x::', (Exception,), {})"), (1,)),
    "names of arrays": Attack("def gradients(*a): return {'\\x1b[31m\\n::error::' + 'x' * 10**6: 1}", (1,)),
    "10^6 names": Attack("names = {f'k{i}': 1 for i in range(10**6)}\ndef gradients(*a): return names", (1,)),
    "a file name with escapes": Attack("exec(compile('def gradients(*a): raise ValueError', '\\x1b[31m\\n::x::' * 1000, 'exec'))", (1,)),
    "warnings as errors": Attack("import warnings\n" + _call("warnings.simplefilter('error')", "np.seterr(all='warn')"), (1,)),
    "notes": Attack("def gradients(*a):\n    e = ValueError('x')\n    for _ in range(9): e.add_note('\\x1b[31m' * 10**6)\n    raise e", (1,)),
}  # fmt: skip

STATE = {
    "builtins that raise": Attack(
        "def boo(*a, **k): raise RuntimeError('boo\\x1b[31m')\n"
        + _call("for n in ('print', 'open', 'len', 'isinstance', 'sorted', 'str', 'sum', 'min', 'max', 'getattr'): setattr(builtins, n, boo)")
    ),
    "builtins that exit": Attack(_call("builtins.print = builtins.len = lambda *a, **k: sys.exit(0)")),
    "NumPy's functions": Attack(_call("np.all = lambda *a, **k: True", "np.isfinite = lambda x: sys.exit(0)", then="wrong")),
    "how NumPy prints": Attack(_call("np.set_printoptions(formatter={'all': lambda x: sys.exit(0)})", then="wrong"), (1,)),
    "modules that are gone": Attack(
        _call(
            "for k in list(sys.modules):",
            "    if k.startswith(('gradcheck', 'numpy', 'click', 'rich', 'hypothesis', 'json')): del sys.modules[k]",
            then="wrong",
        ), broken=True
    ),
    "no modules": Attack(_call("sys.modules.clear()", then="wrong"), broken=True),
    "np.seterr": Attack("def gradients(*a):\n    found = good(*a)\n    np.seterr(all='raise')\n    return found", RIGHT),
    "a clock that stands": Attack(_call("time.monotonic = time.time = lambda: 0.0"), RIGHT),
    "no search path": Attack("sys.path.clear()\ngradients = good", RIGHT),
    "json that lies": Attack("import json\n" + _call("json.dumps = lambda *a, **k: '{}'", then="wrong"), (1,)),
    "decimal and locale": Attack("import decimal, locale\n" + _call("decimal.getcontext().prec = 1"), RIGHT),
    "switches never": Attack("sys.setswitchinterval(1000)\n" + _call("if calls < 2: threading.Thread(target=lambda: sum(range(10**7))).start()"), RIGHT),
    "no cyclic collection": Attack("gc.disable(); gc.freeze()\ngradients = good", RIGHT),
    "a profile": Attack(_call("sys.setprofile(lambda *x: (_ for _ in ()).throw(SystemExit(0)))"), (1,)),
    "a module that is an object": Attack(
        "class M:\n    def __getattr__(self, name): raise SystemExit(0)\nsys.modules[__name__] = M()\ngradients = good", (0, 2), broken=True
    ),
}  # fmt: skip

VALUES = {
    "a million by a million": Attack("def gradients(*a): return {'theta': np.broadcast_to(1., (10**6, 10**6))}", (1,)),
    "all memory": Attack("def gradients(*a):\n    x = []\n    while 1: x.append(bytearray(10**9))", STOPPED, interrupted=20),
    "an array that exits": Attack("class X:\n    def __array__(self, *a, **k): raise SystemExit(0)\ndef gradients(*a): return {'theta': X()}", (1,)),
    "an array that is itself": Attack("class X:\n    def __array__(self, *a, **k): return self\ndef gradients(*a): return {'theta': X()}", (1,)),
    "an array that has no end": Attack(
        "class X:\n    def __len__(self): return 3\n    def __getitem__(self, i): return X()\ndef gradients(*a): return {'theta': X()}", (1,), limit=60
    ),
    "an array that lies": Attack(
        "class A(np.ndarray):\n    def __array_ufunc__(self, *a, **k): return np.zeros(1)\n    def __eq__(self, o): return True\n"
        "    def tobytes(self, *a): return b''\n    shape = property(lambda self: (10**9,))\n"
        "def gradients(*a): return {k: v.view(A) for k, v in wrong(*a).items()}", (1,)
    ),
    "an array that raises": Attack(
        "class A(np.ndarray):\n    def __array_finalize__(self, o): raise SystemExit(0)\ndef gradients(*a): return {'theta': np.ones((2, 2)).view(A)}", (1,)
    ),
    "a mapping without end": Attack(
        "import itertools, collections.abc\nclass M(collections.abc.Mapping):\n    def __iter__(self): return iter(itertools.count())\n"
        "    def __len__(self): return 2\n    def __getitem__(self, k): return 1.0\ndef gradients(*a): return M()", (1,), limit=60
    ),
    "a generator without end": Attack("import itertools\ndef gradients(*a): return itertools.count()", (1,)),
    "a coroutine": Attack("async def gradients(*a): return good(*a)", (1,)),
    "texts": Attack("def gradients(*a): return {'theta': np.array([['0x1p0']])}", (1,)),
    "objects": Attack("def gradients(*a): return {'theta': np.array([[lambda: 0]], dtype=object)}", (1,)),
    "a thread that changes them": Attack(
        "def spoil(x):\n    for _ in range(10**3): x *= 2\n"
        "def gradients(*a):\n    found = good(*a)\n    threading.Thread(target=spoil, args=(found['theta'],), daemon=True).start()\n    return found", ODD
    ),
    "writes to what is read-only": Attack(
        "def gradients(theta, b, X, Y):\n    found = good(theta, b, X, Y)\n    ctypes.memset(X.ctypes.data, 0, 8)\n    return found", (1,)
    ),
    "waits for a reader": Attack("def gradients(*a): input()", (1,)),
    "breakpoint": Attack("def gradients(*a):\n    breakpoint()\n    return good(*a)", (1,)),
}  # fmt: skip

TARGETS = {**ENDING, **PROCESSES, **FILES, **TEXTS, **STATE, **VALUES}
# set apart, each of these is judged for what it returns: what it does to its own process is its own
APART = {
    "exits in a thread": ODD, "raises when freed": RIGHT, "no time": ODD,
    "closes all files": (0, 1, 2), "closes all files when imported": (0, 1, 2), "closes standard output": (1, 2),
    "builtins that raise": (1, 2), "builtins that exit": (0, 1, 2), "turns output to nowhere": (1,),
    "kills its grandparent": (1, -9), "interrupts later": (0, 1, 130), "KeyboardInterrupt": (1,), "ends its group": (1,),
    "stands still": (1,), "stops its parent": (1,), "writes to what is read-only": (1,), "crashes": (1,),
}  # fmt: skip
