"""The targets that ship with gradcheck, by name: what each is, and what it needs. A target is a module of that name here."""

import importlib.util
from dataclasses import dataclass


@dataclass(frozen=True)
class BuiltIn:
    """A target that ships with gradcheck: what it is, and the extra of ours and the packages, as imported, that it needs."""

    what: str
    extra: str = ""
    packages: tuple[str, ...] = ()

    @property
    def missing(self) -> tuple[str, ...]:
        """The packages that cannot be found; nothing is imported."""
        return tuple(package for package in self.packages if importlib.util.find_spec(package) is None)

    @property
    def installed(self) -> bool:
        """Whether its packages can be found."""
        return not self.missing


def _kernel_of(what: str, package: str) -> BuiltIn:
    return BuiltIn(f"{what}, in Triton's interpreter", "kernels", (package, "triton", "torch"))


BUILT_IN = {
    "reference": BuiltIn("the closed forms of the paper, in float64"),
    "numpy": BuiltIn("the same in any floating dtype, as a careful user would write it"),
    "scipy": BuiltIn("scipy.special.softmax and log_softmax, with the closed form"),
    "torch": BuiltIn("torch.nn.functional.cross_entropy with autograd", "torch", ("torch",)),
    "torch-options": BuiltIn(
        "the same of class indices, with weight, ignore_index and label_smoothing", "torch", ("torch",)
    ),
    "torch-probabilities": BuiltIn(
        "the same of distributions over the classes, with weight and label_smoothing", "torch", ("torch",)
    ),
    "torch-chunked": BuiltIn(
        "torch.nn.functional.linear_cross_entropy in chunks, with weight and ignore_index", "torch", ("torch",)
    ),
    "jax": BuiltIn("jax.nn.log_softmax with jax.grad", "jax", ("jax",)),
    "optax": BuiltIn(
        "optax's softmax_cross_entropy, with labels of either kind, and jax.grad", "optax", ("optax", "jax")
    ),
    "optax-smoothed": BuiltIn("optax's smooth_labels, then softmax_cross_entropy", "optax", ("optax", "jax")),
    "optax-safe": BuiltIn("optax's safe_softmax_cross_entropy, with masked classes", "optax", ("optax", "jax")),
    "autograd": BuiltIn("autograd.scipy.special.logsumexp with autograd.grad", "autograd", ("autograd",)),
    "sklearn": BuiltIn("what sklearn's LogisticRegression minimises: LinearModelLoss", "sklearn", ("sklearn",)),
    "sklearn-options": BuiltIn("the same with class weights and its penalty", "sklearn", ("sklearn",)),
    "sklearn-mlp": BuiltIn("sklearn's MLPClassifier without hidden layers", "sklearn", ("sklearn",)),
    "statsmodels": BuiltIn("statsmodels' MNLogit: loglike and score", "statsmodels", ("statsmodels",)),
    "tinygrad": BuiltIn("tinygrad's Tensor.cross_entropy and Tensor.gradient", "tinygrad", ("tinygrad",)),
    "tinygrad-smoothed": BuiltIn("the same with label_smoothing", "tinygrad", ("tinygrad",)),
    "tinygrad-options": BuiltIn(
        "tinygrad's sparse_categorical_crossentropy with ignore_index and label_smoothing", "tinygrad", ("tinygrad",)
    ),
    "tinygrad-weights": BuiltIn("tinygrad's nll_loss with weight and ignore_index", "tinygrad", ("tinygrad",)),
    "keras": BuiltIn("keras.ops.categorical_crossentropy of logits, on torch", "keras", ("keras", "torch")),
    "keras-probabilities": BuiltIn("the same of probabilities, as after a softmax layer", "keras", ("keras", "torch")),
    "keras-options": BuiltIn(
        "keras.losses.CategoricalCrossentropy with label_smoothing and class weights, on torch",
        "keras",
        ("keras", "torch"),
    ),
    "keras-sparse": BuiltIn(
        "keras.losses.SparseCategoricalCrossentropy with ignore_class and class weights, on torch",
        "keras",
        ("keras", "torch"),
    ),
    "tensorflow": BuiltIn(
        "tf.nn.softmax_cross_entropy_with_logits, with labels of either kind, and GradientTape",
        "tensorflow",
        ("tensorflow",),
    ),
    "tensorflow-options": BuiltIn(
        "tf.compat.v1.losses.softmax_cross_entropy with label_smoothing and class weights",
        "tensorflow",
        ("tensorflow",),
    ),
    "tensorflow-sparse": BuiltIn(
        "tf.compat.v1.losses.sparse_softmax_cross_entropy with labels that do not count", "tensorflow", ("tensorflow",)
    ),
    "mlx": BuiltIn("mlx.nn.losses.cross_entropy, with labels of either kind, and mlx.core.vjp", "mlx", ("mlx",)),
    "mlx-options": BuiltIn("the same with label_smoothing and class weights", "mlx", ("mlx",)),
    "casadi": BuiltIn("casadi.logsumexp with casadi.gradient", "casadi", ("casadi",)),
    "paddle": BuiltIn(
        "paddle.nn.functional.cross_entropy, with labels of either kind, and paddle.grad", "paddle", ("paddle",)
    ),
    "paddle-options": BuiltIn("the same of class indices, with weight and ignore_index", "paddle", ("paddle",)),
    "mlxtend": BuiltIn("mlxtend's SoftmaxRegression: _cost and _backward", "mlxtend", ("mlxtend",)),
    "liger": _kernel_of("Liger's cross-entropy with all of its options", "liger_kernel"),
    "liger-fused": _kernel_of("Liger's fused linear cross-entropy with all of its options", "liger_kernel"),
    "cut-cross-entropy": _kernel_of("Apple's cut cross-entropy with ignore_index", "cut_cross_entropy"),
    "megatron": BuiltIn("Megatron's vocab-parallel cross-entropy on one rank", "megatron", ("megatron", "torch")),
    "thinc": BuiltIn("thinc's Softmax layer and CategoricalCrossentropy", "thinc", ("thinc",)),
}


def installed() -> list[str]:
    """The built-in targets that can be loaded here."""
    return [name for name, target in BUILT_IN.items() if target.installed]
