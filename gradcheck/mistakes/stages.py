"""The model stage by stage, so that code with a mistake is the right code with one stage replaced.

Each stage takes NumPy arrays (then the model is an implementation, to be caught) or `Running` arrays (then it tells what code
with this mistake may return, to be recognised). Two mistakes in one: a class that inherits from both.
"""

from dataclasses import replace
from typing import Any, ClassVar

from gradcheck import model
from gradcheck.implementations import Implementation
from gradcheck.model import like

__all__ = ["Model", "like"]


class Model(model.Stages):
    """The right code, of the loss that is posed.

    `analytic` says whether its loss accepts complex arrays. A mistake that has a parameter lists its `choices`; a variant has one
    of them as its `value`.
    """

    analytic: ClassVar[bool] = True
    choices: ClassVar[tuple[Any, ...]] = ()
    value: ClassVar[Any] = None
    coarse: ClassVar[str] = ""  # a coarser precision, whose numbers some of its results are
    near: ClassVar[bool] = (
        False  # one stage is shorter: right code lies within what it may return, so that it is told by its numbers
    )
    linear: ClassVar[bool] = False  # its value is a factor of something that is added, and may be any number
    threads: ClassVar[bool] = False  # declared to be called from several threads at once
    coarse_throughout: ClassVar[bool] = False  # all of them are

    def under(self, **options: Any) -> "Model":
        """The right code of a loss with other options."""
        return Model(replace(self.law, **options))

    def implementation(self, name: str) -> Implementation:
        """All its functions, to be judged."""
        functions = (self.gradients, self.loss, self.logits, self.softmax, self.softmax_jacobian)
        analytic = self.analytic and self.law.plain
        return Implementation(name, *functions, analytic=analytic, law=self.law, threads=self.threads)
