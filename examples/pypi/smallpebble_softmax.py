"""smallpebble 3.0.5: softmax subtracts the maximum of the whole batch. A sample that lies far below another is 0/0.

Needs the package: pip install smallpebble==3.0.5

    gradcheck verify smallpebble_softmax.py --samples rows --theta features-first --labels index --reduction sum
"""

import smallpebble as sp


def model(theta, b, X, labels):
    parameters = sp.Variable(theta), sp.Variable(b)
    Z = sp.add(sp.matmul(sp.Variable(X.astype(theta.dtype)), parameters[0]), parameters[1])
    return (*parameters, Z), sp.cross_entropy(sp.softmax(Z), labels)


def softmax(Z):
    return sp.softmax(sp.Variable(Z)).array


def loss(theta, b, X, labels):
    return model(theta, b, X, labels)[1].array


def gradients(theta, b, X, labels):
    variables, value = model(theta, b, X, labels)
    found = sp.get_gradients(value)
    return [found[variable] for variable in variables]
