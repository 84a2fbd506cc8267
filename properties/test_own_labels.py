"""Where the largest label is, which a loss of one's own may ask for, is known however labels are read."""

import numpy as np
import pytest

from gradcheck import Arithmetic, Implementation, Loss, Unusable, conform, precision
from gradcheck import numpy as gnp
from gradcheck.readings.running import Running
from gradcheck.readings.running.parts import granted


def labelled(Z, Y, *, np):
    at = np.take_along_axis(Z, np.argmax(Y, axis=0)[None], axis=0)
    return np.mean(at * at)


@pytest.mark.parametrize("declared", [{"subnormals": "flushed"}, {"inner": "bfloat16"}])
def test_the_largest_label_is_known_however_labels_are_read(declared):
    """As JAX and GPUs read them. Of a distribution, too; of equals it is the first, since they are read alike."""

    def gradients(theta, b, X, Y):
        Z, at = theta @ X + b, Y.argmax(axis=0)[None]
        D = np.zeros_like(Z)
        np.put_along_axis(D, at, 2 * np.take_along_axis(Z, at, axis=0) / Z.dtype.type(Z.shape[1]), axis=0)
        return {"theta": D @ X.T, "b": D.sum(axis=1, keepdims=True), "Z": D}

    code = Implementation("labelled", gradients, law=Loss(labelled), arithmetic=Arithmetic(**declared))
    assert not conform(code, dtype="float32", max_examples=30, regimes=("soft-labels", "ties")).failures


@pytest.mark.parametrize(("values", "found"), [([1 / 3, 1 / 3], 0), ([0.3, 0.7], 1), ([0.3, 0.3001], None)])
def test_a_largest_label_that_reading_may_change_is_refused(values, found):
    with granted(np.dtype("float32"), precision.granted("float32", "bfloat16", False)):
        Y = Running.given(Running.exact(np.array([values], dtype=np.float32)))
        if found is None:
            with pytest.raises(Unusable, match="rounding may change it"):
                gnp.argmax(Y, axis=1)
        else:
            assert gnp.argmax(Y, axis=1).tolist() == [found] == [gnp.argmax(Y)]
        assert Y.error.any()
        if found == 0:
            with pytest.raises(Unusable, match="rounding may change it"):
                gnp.argmax(Y * 1.0, axis=1)  # which is computed
