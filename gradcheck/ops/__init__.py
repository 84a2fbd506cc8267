"""What was computed, described: an operator applied to its inputs, arrays of any framework, with samples in rows.

    gradcheck.assert_explained(grad, gradcheck.ops.cross_entropy(Z, y, smoothing=0.1), wrt="Z")

Nothing is called and nothing is posed.

    >>> import numpy as np
    >>> from gradcheck import ops
    >>> ops.cross_entropy(np.zeros((2, 3)), [0, 2], smoothing=0.1)
    cross_entropy(Z float64[2, 3], smoothing=0.1)
"""

from gradcheck.ops.backward import log_softmax_backward_data as log_softmax_backward_data
from gradcheck.ops.backward import nll as nll
from gradcheck.ops.backward import nll_loss_backward as nll_loss_backward
from gradcheck.ops.backward import softmax_backward_data as softmax_backward_data
from gradcheck.ops.losses import cross_entropy as cross_entropy
from gradcheck.ops.losses import linear_cross_entropy as linear_cross_entropy
from gradcheck.ops.plain import addmm as addmm
from gradcheck.ops.plain import log_softmax as log_softmax
from gradcheck.ops.plain import logsumexp as logsumexp
from gradcheck.ops.plain import loss as loss
from gradcheck.ops.plain import matmul as matmul
from gradcheck.ops.plain import mean as mean
from gradcheck.ops.plain import softmax as softmax
from gradcheck.ops.plain import sum as sum

OPS = {
    function.__name__: function
    for function in (
        softmax,
        log_softmax,
        logsumexp,
        cross_entropy,
        linear_cross_entropy,
        nll,
        softmax_backward_data,
        log_softmax_backward_data,
        nll_loss_backward,
        sum,
        mean,
        matmul,
        addmm,
        loss,
    )
}
