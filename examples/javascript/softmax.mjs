// A softmax classifier in JavaScript, judged by gradcheck through the protocol of docs/protocol.md: JSON numbers.
//
//     gradcheck verify --exec "node softmax.mjs"
//
// What it prints stands in examples/README.md. Columns of X are samples: theta (L, d), b (L, 1), X (d, n), Y and Z (L, n),
// each an array of rows. JavaScript computes in double; gradcheck rounds what it is given once where float32 is judged.
import { createInterface } from "node:readline";

// ---- the model ----

const sum = (numbers) => numbers.reduce((total, x) => total + x, 0);
const columns = (M) => M[0].map((_, i) => M.map((row) => row[i]));
const fromColumns = columns;

// Z = theta X + b
const logits = ({ theta, b, X }) =>
  theta.map((weights, l) => columns(X).map((x) => sum(weights.map((w, j) => w * x[j])) + b[l][0]));

// exp(z - max z) cannot overflow
const softmaxOf = (z) => {
  const top = Math.max(...z);
  const e = z.map((x) => Math.exp(x - top));
  const total = sum(e);
  return e.map((x) => x / total);
};

const softmax = ({ Z }) => fromColumns(columns(Z).map(softmaxOf));

const logSumExp = (z) => {
  const top = Math.max(...z);
  return top + Math.log(sum(z.map((x) => Math.exp(x - top))));
};

// The mean over the samples of -sum_l Y log A; a class without label mass adds nothing
const loss = ({ theta, b, X, Y }) => {
  const y = columns(Y);
  const losses = columns(logits({ theta, b, X })).map((z, i) => {
    const lse = logSumExp(z);
    return -sum(z.map((x, l) => (y[i][l] > 0 ? y[i][l] * (x - lse) : 0)));
  });
  return sum(losses) / losses.length;
};

// D = (A - Y)/n, D times X transposed, and the row sums of D
const gradients = ({ theta, b, X, Y }) => {
  const n = X[0].length;
  const A = softmax({ Z: logits({ theta, b, X }) });
  const mass = columns(Y).map(sum); // 1, unless a sample has a weight of its own
  const D = A.map((row, l) => row.map((a, i) => (a * mass[i] - Y[l][i]) / n));
  return {
    theta: D.map((row) => X.map((x) => sum(row.map((e, i) => e * x[i])))),
    b: D.map((row) => [sum(row)]),
    Z: D,
  };
};

// ---- the protocol ----

const functions = { gradients, loss, logits, softmax };

// JSON has no word for infinity and NaN: they travel as texts
const WORDS = { inf: Infinity, "-inf": -Infinity, nan: NaN };
const decoded = (value) => (Array.isArray(value) ? value.map(decoded) : typeof value === "string" ? WORDS[value] : value);
const encoded = (value) => {
  if (Array.isArray(value)) return value.map(encoded);
  return Number.isFinite(value) ? value : Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
};
const each = (values, change) => Object.fromEntries(Object.entries(values).map(([name, value]) => [name, change(value)]));

const describe = () => ({
  gradcheck_protocol: 1,
  name: "softmax.mjs",
  functions: Object.keys(functions),
  dtypes: ["float64", "float32"],
  encoding: "json",
});

const answer = ({ call, values }) => {
  if (call === "describe") return describe();
  const result = functions[call](each(values, decoded));
  return { values: each(call === "gradients" ? result : { [call]: result }, encoded) };
};

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(JSON.stringify(answer(JSON.parse(line))) + "\n");
}
