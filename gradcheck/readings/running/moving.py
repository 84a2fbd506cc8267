"""What moves entries and rounds nothing: done to values and errors alike. zeros_like of both is a 0 without an error."""

import numpy as np

MOVING = {
    np.roll,
    np.concatenate,
    np.stack,
    np.flip,
    np.repeat,
    np.tile,
    np.diag,
    np.diagonal,
    np.ravel,
    np.reshape,
    np.transpose,
    np.broadcast_to,
    np.zeros_like,
    np.take_along_axis,
    np.delete,
    np.resize,
}
