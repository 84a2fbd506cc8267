"""Where a dump goes, and what was said of it once: the loss, and how the step rounds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gradcheck.auditing.capturing import marked
from gradcheck.auditing.capturing.told import Told
from gradcheck.auditing.capturing.written import require, write


@dataclass(frozen=True)
class Place:
    """`law` is the loss that is computed, `declared` fields of `Arithmetic`; `ranks` says what each of several has of its own."""

    folder: Path
    law: Any
    declared: Mapping[str, Any]
    overwrite: bool = False
    ranks: str = ""

    def require(self) -> None:
        """Now, and not after hours of training."""
        require(self.folder, self.overwrite)

    def write(
        self, arrays: Mapping[str, Any], calls: Sequence[Mapping[str, Any]], told: Told, stored: Mapping[str, Any]
    ) -> Path:
        """Arrays of the whole step, and of each call those of its samples, (…, k): as one dump, of what `told` says.

        `stored` is what can be seen of how the step rounds.
        """
        known = told.of(calls, self.law, ranks=self.ranks)
        if self.ranks != "classes":  # of which a rank has a part
            marked.require_classes(known.Y, len(arrays["theta"]), known.law.ignore)
        whole = {**arrays, "Y": known.Y, **({} if known.loss is None else {"loss": known.loss})}
        for name in ("X", "Z", "grad_Z", "grad_X"):
            parts = [call[name] for call in calls if call.get(name) is not None]
            if len(parts) == len(calls):
                wide = [part.reshape(-1, part.shape[-1]) for part in parts]
                whole[name] = wide[0] if len(wide) == 1 else np.concatenate(wide)
        whole |= {} if known.upstream is None else {"upstream": known.upstream}
        pieces = {"pieces": known.pieces} if known.pieces > 1 else {}
        declared = {**stored, **pieces, **self.declared, **({"ranks": self.ranks} if self.ranks else {})}
        return write(
            whole, self.folder, samples="rows", law=known.law, overwrite=self.overwrite, factor=known.factor, **declared
        )
