"""How gradients are used in training: what an implementation may be asked for beside its gradients, each a function of its own.

An `Implementation` offers any of them in its mapping `uses`; those made of a framework's loss do. All take theta, b, X, Y first,
in the layout of the implementation, and return gradients as `gradients` does, by name, unless it is said here:

| use | then takes | returns |
|---|---|---|
| `upstream` | c: a number, or one for each sample (n,) | the gradients of c times the loss |
| `again` | c, a number | two of these, of one forward pass; in the place of the second a text, where it is refused |
| `through` | | the gradients of the loss of tanh(Z), which keeps its output for its own derivative; `Z` is that before tanh |
| `left` | | the logits (three times) before the loss, after it, and after its gradients |
| `some` | names, any of theta, b, X, Y | gradients where these alone need one |
| `pieces` | c, X, Y, c | of theta and b, of c times the loss of each of two batches, both of which are computed first |
| `functional` | | by a function that makes a function of the loss |
| `mapped` | the axes of samples in X and Y | of theta, b and X: sums over the samples, each a batch of one, side by side |
"""

from collections.abc import Mapping
from typing import Any

from gradcheck.implementations import layout as laying
from gradcheck.implementations import returned
from gradcheck.implementations.record import Function, Implementation, NotPosed
from gradcheck.implementations.told import handing
from gradcheck.law import CrossEntropy
from gradcheck.problem import Array

KEYS = (*returned.KEYS, "Y")  # of what a use returns


def laid(implementation: Implementation) -> dict[str, Function]:
    """The uses that it offers, to be called with the paper's arrays and returning the paper's arrays."""
    return {use: _Laid(implementation, use) for use in implementation.uses}


class _Laid:
    """One use, called with the law by keyword: without it, the one declared."""

    def __init__(self, implementation: Implementation, use: str) -> None:
        self.declared, self.use = implementation, use
        self.function = handing(implementation, implementation.uses[use])

    def __call__(self, theta: Array, b: Array, X: Array, Y: Array, *more: Any, law: CrossEntropy | None = None) -> Any:
        law, layout = law or self.declared.law, self.declared.layout
        if layout.pinned is not None:
            raise NotPosed("posed where each class has a row of its own")
        handed = laying.hand(self.declared, law, theta, b, X, Y)
        if self.use == "mapped":
            rows = layout.samples == "rows"
            more = ((int(not rows), int(not (rows or layout.labels == "index"))),)
        if self.use == "some" and layout.bias == "absent":  # it is a weight
            more = (tuple(dict.fromkeys("theta" if key == "b" else key for key in more[0])),)
        if self.use == "pieces":
            c, X2, Y2, c2 = more
            more = (c, *laying.hand(self.declared, law, theta, b, X2, Y2).arguments[-2:], c2)
        found = self.function(law, *handed.arguments, *more)
        if self.use == "left":
            return tuple(returned.turned(layout, "Z", each) for each in found)
        if self.use == "again":
            return tuple(each if isinstance(each, str) else self._turned(each, theta) for each in found)
        return self._turned(found, theta)

    def _turned(self, raw: Any, theta: Array) -> Any:
        found = returned.named(raw)
        if not isinstance(found, Mapping):
            return raw
        offered = {key: found[key] for key in KEYS if key in found}
        turned = {
            key: returned.turned(self.declared.layout, "Z" if key == "Y" else key, offered[key]) for key in offered
        }
        return returned.with_bias(turned, theta.shape[1]) if self.declared.layout.bias == "absent" else turned
