"""A dump of one training step, written from a torch or jax loop in two lines.

step = gradcheck.capture(layer, "dump")                    # torch: a Linear whose logits go into cross_entropy
... loss.backward(); step.write(labels, loss)

step = gradcheck.capture.fused(X, W, b, labels, loss, "dump")      # torch: a loss that calls no layer, before loss.backward()
step = gradcheck.capture.traced("dump")                    # jax: X, W, b = step(X, W, b) where the loss is computed

gradcheck.capture({"theta": W, "b": b, "X": X, "Y": y, "grad_theta": g}, "dump", samples="rows")     # arrays of any framework
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gradcheck.arithmetic import Arithmetic
from gradcheck.auditing.capturing.fused import Fused
from gradcheck.auditing.capturing.group import distributed
from gradcheck.auditing.capturing.place import Place
from gradcheck.auditing.capturing.step import Step
from gradcheck.auditing.capturing.traced import Traced
from gradcheck.auditing.capturing.written import write
from gradcheck.auditing.given import law_of, require_declared
from gradcheck.auditing.ranks import HOW
from gradcheck.errors import Unusable, typed
from gradcheck.law import CrossEntropy

Folder = str | os.PathLike[str]


class Capture:
    """Write one training step into a folder that `gradcheck audit` judges: of a layer, of a loss that calls none, or of arrays.

    `law` is the loss that is computed, or its options one by one (`smoothing=0.1`, `softcap=30.0`); `arithmetic` declares how the
    step rounds, where its arrays do not show it. Both are written into layout.json. A folder that exists is refused, before the
    step; `overwrite` replaces it where it is a dump. Where several train together, `ranks` says what each has of its own, classes
    or samples, and each writes the folder `rank.0`, `rank.1` … that is its (`rank`, or that of torch.distributed) in the one given.

        >>> import tempfile, gradcheck, torch
        >>> head, X, y = torch.nn.Linear(8, 50), torch.randn(30, 8), torch.randint(50, (30,))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     step = gradcheck.capture(head, folder + "/dump")  # before its forward pass
        ...     loss = torch.nn.functional.cross_entropy(head(X), y)
        ...     loss.backward()
        ...     _ = step.write(y, loss)
        ...     gradcheck.audit(folder + "/dump").status
        0
    """

    def __call__(
        self,
        source: Any,
        folder: Folder | None = None,
        *,
        samples: str = "columns",
        law: CrossEntropy | None = None,
        arithmetic: Arithmetic | None = None,
        overwrite: bool = False,
        ranks: str = "",
        rank: int | None = None,
        factor: float = 1.0,
        **options: Any,
    ) -> Any:
        """A `Step` that watches a torch layer; of a mapping of arrays named as in `gradcheck.audit`, the folder written at once.

        Of arrays, `factor` is what the loss was multiplied by before its gradients were taken; of a layer, `write` is told that.
        """
        place = _place(folder, law, arithmetic, options, overwrite=overwrite, ranks=ranks, rank=rank)
        if isinstance(source, Mapping):
            said: dict[str, Any] = {
                "samples": samples,
                "overwrite": overwrite,
                "factor": factor,
                **({"ranks": ranks} if ranks else {}),
            }
            return write(source, place.folder, law=place.law, **said, **place.declared)
        return Step(source, place)

    @staticmethod
    def fused(  # noqa: PLR0917 - a loss has these
        X: Any,
        W: Any,
        b: Any,
        labels: Any,
        loss: Any,
        folder: Folder | None = None,
        *,
        law: CrossEntropy | None = None,
        arithmetic: Arithmetic | None = None,
        overwrite: bool = False,
        ranks: str = "",
        rank: int | None = None,
        **options: Any,
    ) -> Fused:
        """A step of a torch loss of X (…, d), W (L, d), b (L,) or None, and labels (…), that has been computed, before backward.

        So it is of fused kernels, which call no layer. Whoever else uses W, what this loss hands it is what is judged, and never
        `.grad`. `folder` and what is declared are as those of `gradcheck.capture`. Raises `Unusable` where `loss` does not follow
        from these very tensors, or has no graph.

            >>> import tempfile, gradcheck, torch
            >>> X, W, y = torch.randn(30, 8), torch.randn(50, 8, requires_grad=True), torch.randint(50, (30,))
            >>> loss = torch.nn.functional.cross_entropy(X @ W.T, y)  # or a kernel's
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     step = gradcheck.capture.fused(X, W, None, y, loss, folder + "/dump")
            ...     loss.backward()
            ...     found = gradcheck.audit(step.write())
            >>> [finding.quantity for finding in found.findings], found.status
            (['loss', 'grad_theta'], 0)
        """
        place = _place(folder, law, arithmetic, options, overwrite=overwrite, ranks=ranks, rank=rank)
        return Fused((X, W, b), labels, loss, place)

    @staticmethod
    def traced(
        folder: Folder | None = None,
        *,
        law: CrossEntropy | None = None,
        arithmetic: Arithmetic | None = None,
        overwrite: bool = False,
        ranks: str = "",
        rank: int | None = None,
        **options: Any,
    ) -> Traced:
        """A step of jax: called with X (…, d), W (L, d) or (d, L) and b (L,) or None, it gives them back, and sees their gradients.

        Under `jit`, too. `folder` and what is declared are as those of `gradcheck.capture`. Raises `Missing` without jax, and
        `Unusable` where nothing has come back to it when `write` is called.

            >>> import tempfile, gradcheck, jax
            >>> X, W = jax.numpy.ones((30, 8)), jax.random.normal(jax.random.key(0), (50, 8))
            >>> y = jax.numpy.arange(30)
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     step = gradcheck.capture.traced(folder + "/dump")
            ...     def loss(X, W):
            ...         X, W, _ = step(X, W)  # what is computed from them is watched
            ...         Z = X @ W.T
            ...         return (jax.nn.logsumexp(Z, axis=1) - Z[jax.numpy.arange(30), y]).mean()
            ...     value, _ = jax.jit(jax.value_and_grad(loss, argnums=1))(X, W)
            ...     gradcheck.audit(step.write(y, value)).status
            0
        """
        return Traced(_place(folder, law, arithmetic, options, overwrite=overwrite, ranks=ranks, rank=rank))


def _place(
    folder: Folder | None,
    law: CrossEntropy | None,
    arithmetic: Arithmetic | None,
    options: Mapping[str, Any],
    *,
    overwrite: bool,
    ranks: str,
    rank: int | None,
) -> Place:
    require_declared(law, arithmetic)
    if not isinstance(folder, str | os.PathLike):
        said = "no folder is given" if folder is None else f"the folder is {typed(folder)}"
        raise Unusable(f'{said}; expected the path that the dump goes to, as in gradcheck.capture(layer, "dump")')
    if not isinstance(ranks, str) or ranks not in ("", *HOW) or (rank is not None and not ranks):
        raise Unusable(f"ranks={ranks!r:.40}; expected what each rank has of its own: {' or '.join(HOW)}")
    if rank is not None and (type(rank) is not int or rank < 0):
        raise Unusable(f"rank={rank!r:.40}; expected the number of this process, from 0")
    found = law_of(law, options)
    path = Path(folder) / f"rank.{_rank() if rank is None else rank}" if ranks else Path(folder)
    return Place(path, found, arithmetic.said if arithmetic else {}, overwrite=overwrite, ranks=ranks)


def _rank() -> int:
    """That of this process, in the group of all that train together."""
    group = distributed()
    if group is None:
        raise Unusable("there is no group of processes; expected torch.distributed to be initialized, or rank=")
    return int(group.get_rank())


capture = Capture()
