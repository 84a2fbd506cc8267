"""gradzero 0.1.0: CrossEntropyLoss cuts the graph: no gradient reaches the weights; and its loss is -log(A + 1e-8).

Needs the package: pip install gradzero==0.1.0

    gradcheck verify gradzero_loss.py --samples rows --theta features-first --labels index
"""

import gradzero
from gradzero.nn import CrossEntropyLoss


def model(theta, b, X, labels):
    parameters = [gradzero.Tensor(array.copy(), requires_grad=True) for array in (theta, b)]
    Z = gradzero.Tensor(X.astype(theta.dtype)) @ parameters[0] + parameters[1]
    return parameters, CrossEntropyLoss()(Z, gradzero.Tensor(labels))


def loss(theta, b, X, labels):
    return model(theta, b, X, labels)[1].data


def gradients(theta, b, X, labels):
    parameters, value = model(theta, b, X, labels)
    value.backward()
    return [parameter.grad for parameter in parameters]
