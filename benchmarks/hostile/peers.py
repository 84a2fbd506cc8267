"""Programs that speak our protocol badly: what `--exec` is handed, each a few lines of Python."""

from benchmarks.hostile.commands import Attack

ABOVE = """
import json, os, signal, subprocess, sys, time
import numpy as np
I, O = sys.stdin.buffer, sys.stdout.buffer
TYPES = {"float64": "<f8", "float32": "<f4", "int64": "<i8"}
def say(data):
    O.write(data)
    O.flush()
def send(head, data=b""):
    say(json.dumps(head).encode() + b"\\n" + data)
def asked():
    line = I.readline()
    if not line:
        sys.exit(0)
    head, arrays = json.loads(line), {}
    for name, dtype, *shape in head.get("arrays", []):
        count = int(np.prod(shape, dtype=int)) * np.dtype(TYPES[dtype]).itemsize
        arrays[name] = np.frombuffer(I.read(count), TYPES[dtype]).reshape(shape)
    return head, arrays
def good(a):
    Z = a["theta"] @ a["X"] + a["b"]
    A = np.exp(Z - Z.max(0))
    D = (A / A.sum(0) - a["Y"]) / a["X"].shape[1]
    return {"theta": np.ascontiguousarray(D @ a["X"].T), "b": np.ascontiguousarray(D.sum(1, keepdims=True))}
def reply(found, **more):
    head = {"arrays": [[name, "float64", *array.shape] for name, array in found.items()], **more}
    send(head, b"".join(array.tobytes() for array in found.values()))
described = {"gradcheck_protocol": 1, "functions": ["gradients"], "dtypes": ["float64"]}
def describe(): send(described)
def answer(arrays): reply(good(arrays))
"""
BELOW = """
while True:
    head, arrays = asked()
    describe() if head["call"] == "describe" else answer(arrays)
"""
RIGHT = (0,)


def _says(words: str) -> str:
    return f"def answer(arrays): {words}"


def _describes(words: str) -> str:
    return f"def describe(): {words}"


DESCRIBING = {
    "right": Attack("", RIGHT),
    "waits": Attack("time.sleep(1000)", (2,), limit=75),
    "ends": Attack("sys.exit(0)"),
    "has no end": Attack("while True: O.write(b'x' * 100000)"),
    "a line of 200 MB": Attack(_describes("say(b'{\"x\":\"' + b'A' * 200_000_000 + b'\"}\\n')")),
    "binary": Attack(_describes("say(bytes(range(256)) * 64 + b'\\n')")),
    "NUL": Attack(_describes("say(b'\\0' * 100 + b'\\n')")),
    "UTF-16": Attack(_describes("say(json.dumps(described).encode('utf-16') + b'\\n')")),
    "a BOM": Attack(_describes("say('\\ufeff'.encode() + json.dumps(described).encode() + b'\\n')")),
    "half a line": Attack(_describes("(say(b'{\"gradcheck'), time.sleep(1000))"), (2,), limit=75),
    "deep": Attack(_describes("say(b'[' * 200000 + b'\\n')")),
    "a list": Attack(_describes("say(b'[]\\n')")),
    "twice": Attack(_describes("(send(described), send(described))"), (1, 2)),
    "an entry twice": Attack(_describes("say(b'{\"gradcheck_protocol\":1,\"functions\":[\"loss\"],\"functions\":[\"gradients\"]}\\n')"), (0, 1, 2)),
    "escapes in its name": Attack("described['name'] = '\\x1b[31mN\\n::error::x'", RIGHT),
    "a name of 1 MB": Attack("described['name'] = 'x' * 10**6", RIGHT),
    "escapes in an error": Attack(_describes("send({'error': '\\x1b[31mE\\x07\\n::error::x'})")),
    "many functions": Attack("described['functions'] = ['gradients'] * 100000", RIGHT),
    "a layout of lists": Attack("described['layout'] = {'samples': ['rows']}"),
    "a layout of text": Attack("described['layout'] = 'rows'"),
    "a layout pinned far": Attack("described['layout'] = {'pinned': 10**30}", (1, 2, 3)),
    "an arithmetic of lists": Attack("described['arithmetic'] = {'precision': [1], 'x': {}}"),
    "an arithmetic of numbers": Attack("described['arithmetic'] = 3"),
    "arithmetic, endless": Attack("described['arithmetic'] = {'terms': 10**400}"),
    "an encoding": Attack("described['encoding'] = ['raw']"),
    "a description that grows": Attack(_describes("[say(b'{\"a\":' * 100) for _ in range(10**5)]")),
    "standard error without end": Attack("while True: os.write(2, b'x' * 100000)", (2,), limit=75),
    "escapes on standard error": Attack("os.write(2, b'\\x1b[31m\\n::error::x\\n'); sys.exit(3)"),
}  # fmt: skip
ANSWERING = {
    "dies": Attack(_says("os._exit(0)"), (1,)),
    "garbage": Attack(_says("say(b'hello\\n')"), (1,)),
    "binary in an answer": Attack(_says("say(os.urandom(4096) + b'\\n')"), (1,)),
    "half an answer": Attack(_says("(say(b'{\"arrays\":[[\"theta\",\"float64\",2,2]]}\\nabc'), time.sleep(60))"), (1,)),
    "half a line of one": Attack(_says("(say(b'{\"arr'), time.sleep(60))"), (1,)),
    "an answer without end": Attack(_says("[say(b'x' * 10**6) for _ in iter(int, 1)]"), (1,)),
    "numbers without end": Attack(_says("(send({'arrays': [['theta', 'float64', 2**25]]}), [say(b'\\0' * 10**6) for _ in iter(int, 1)])"), (1,)),
    "drips": Attack("def answer(arrays):\n    for _ in range(600):\n        say(b' ')\n        time.sleep(0.1)", (1,)),
    "a shape below 0": Attack(_says("send({'arrays': [['theta', 'float64', -1, 2]]})"), (1,)),
    "a shape of 2^56": Attack(_says("send({'arrays': [['theta', 'float64', 2**28, 2**28]]})"), (1,)),
    "a shape of 10^30": Attack(_says("send({'arrays': [['theta', 'float64', 10**30]]})"), (1,)),
    "a shape of texts": Attack(_says("send({'arrays': [['theta', 'float64', '2', True]]})"), (1,)),
    "a hundred axes": Attack(_says("send({'arrays': [['theta', 'float64'] + [1] * 100]}, b'\\0' * 8)"), (1,)),
    "10^6 arrays": Attack(_says("send({'arrays': [[f'k{i}', 'float64', 0] for i in range(10**6)]})"), (1,)),
    "an error of 50 MB": Attack(_says("send({'error': 'A' * 50_000_000})"), (1,)),
    "an error with escapes": Attack(_says("send({'error': '\\x1b[31mE\\x07\\n::error::x\\x00'})"), (1,)),
    "an error that is none": Attack(_says("send({'error': None})"), (1,)),
    "declines with 1 MB": Attack("import random\n" + _says("send({'not_posed': 'B' * 10**6 + str(random.random())})"), (1, 3)),
    "declines with a list": Attack(_says("send({'not_posed': [[1]] * 10})"), (1, 3)),
    "two answers": Attack(_says("(reply(good(arrays)), reply(good(arrays)))"), (1,)),
    "bytes after it": Attack(_says("(reply(good(arrays)), say(b'x'))"), (1,)),
    "the same name twice": Attack(_says("send({'arrays': [['theta', 'float64', 1, 1]] * 2}, b'\\0' * 16)"), (1,)),
    "names with escapes": Attack(_says("send({'arrays': [['\\x1b[31m\\n::x::' * 99, 'float64', 1]]}, b'\\0' * 8)"), (1,)),
    "changes what is not there": Attack(_says("reply({**good(arrays), 'input:X': np.full((3, 3), 9.), 'input:nope': np.zeros(1)})"), (0, 1)),
    "closes its output": Attack(_says("(os.close(1), time.sleep(60))"), (1,)),
    "closes its input": Attack(_says("(os.close(0), reply(good(arrays)), time.sleep(60))"), (1,)),
    "stops": Attack(_says("os.kill(os.getpid(), signal.SIGSTOP)"), (1,)),
    "heeds no TERM": Attack("signal.signal(signal.SIGTERM, signal.SIG_IGN)", RIGHT),
    "leaves children": Attack(_says("(subprocess.Popen(['sleep', '777']), reply(good(arrays)))"), RIGHT),
    "leaves sessions": Attack(_says("(subprocess.Popen(['sleep', '777'], start_new_session=True), reply(good(arrays)))"), RIGHT),
    "leaves it to a child": Attack("if os.fork(): os._exit(0)\nos.setsid()", (0, 1, 2)),
    "kills its guard": Attack(_says("os.kill(os.getppid(), 9)"), (1,)),
    "kills the run": Attack(_says("[os.kill(p, 9) for p in [int(open(f'/proc/{os.getppid()}/stat').read().rpartition(')')[2].split()[1])]]"), (1,)),
    "talks between": Attack(_says("(reply(good(arrays)), os.write(2, b'y' * 10**6))"), RIGHT),
    "NaN": Attack(_says("reply({k: v * np.nan for k, v in good(arrays).items()})"), (1,)),
    "twice as much": Attack(_says("reply({k: 2 * v for k, v in good(arrays).items()})"), (1,)),
}  # fmt: skip
JSON = {
    name: Attack("described['encoding'] = 'json'\n" + _says(f"say({words})"), (1,))
    for name, words in {
        "JSON, deep": "b'{\"values\":{\"theta\":' + b'[' * 100000 + b'\\n'",
        "JSON, 1e400": 'b\'{"values":{"theta":[[1e400]]}}\\n\'',
        "JSON, 10^400": "b'{\"values\":{\"theta\":[[' + b'9' * 5000 + b']]}}\\n'",
        "JSON, 120 MB": "b'{\"values\":{\"theta\":[' + b'1,' * 60_000_000 + b'1]}}\\n'",
        "JSON, texts": 'b\'{"values":{"theta":[["0x1p0"]]}}\\n\'',
        "JSON, truths": 'b\'{"values":{"theta":[[true]]}}\\n\'',
        "JSON, uneven": 'b\'{"values":{"theta":[[1],[1,2]]}}\\n\'',
        "JSON, objects": 'b\'{"values":{"theta":{"a":[1]}}}\\n\'',
        "JSON, many": "json.dumps({'values': {f'k{i}': 1 for i in range(10**5)}}).encode() + b'\\n'",
    }.items()
}
PEERS = {**DESCRIBING, **ANSWERING, **JSON}
