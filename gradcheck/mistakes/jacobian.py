"""The Jacobian of the softmax."""

import numpy as np

from gradcheck.mistakes.stages import Model, like
from gradcheck.mistakes.table import mistake


@mistake(
    "softmax",
    fix="add -a aᵀ: every logit moves every probability",
    equations=(6, 22),
    seen="deeplearning4j/libnd4j#440",
)
class jacobian_diagonal_only(Model):
    """diag(a (1 - a)), as for the logistic function."""

    def jacobian(self, a):
        return like(np.diag(a * (1 - a)), a)


@mistake("softmax", fix="diag(a) - a aᵀ: the second a is a row", equations=(6, 22))
class jacobian_by_broadcasting(Model):
    """diag(a) - a a with two columns: every entry of a row is the same but one."""

    def jacobian(self, a):
        return like(np.diag(a) - np.repeat((a * a)[:, np.newaxis], a.shape[0], axis=1), a)


@mistake("softmax", fix="add diag(a)", equations=(5, 22))
class jacobian_without_its_diagonal(Model):
    """-a aᵀ."""

    def jacobian(self, a):
        return -np.multiply.outer(a, a)


@mistake("softmax", fix="diag(a) - a aᵀ, not the other way round", equations=(5, 6, 22))
class jacobian_negated(Model):
    """a aᵀ - diag(a)."""

    def jacobian(self, a):
        return -super().jacobian(a)


@mistake("softmax", fix="subtract a aᵀ", equations=(6, 22))
class jacobian_added(Model):
    """diag(a) + a aᵀ."""

    def jacobian(self, a):
        return like(np.diag(a) + np.multiply.outer(a, a), a)


@mistake("softmax", fix="A - Y is ∂ℒ/∂Z already: the Jacobian is in it", equations=(3, 10), common=True)
class jacobian_applied_twice(Model):
    """The softmax Jacobian applied to A - Y once more."""

    def residual(self, A, Y):
        D = super().residual(A, Y)
        return like(A * (D - (A * D).sum(axis=0, keepdims=True)), A)


@mistake("softmax", fix="use the whole Jacobian: A - Y", equations=(3, 10), seen="HomericIntelligence/Odyssey#2134")
class diagonal_of_the_jacobian_in_the_gradient(Model):
    """-Y (1 - A): the chain rule with the diagonal alone."""

    def residual(self, A, Y):
        return like(-(like(Y, A) * (1 - A)), A)


@mistake("softmax", fix="multiply by the Jacobian: ∂ℒ/∂A is not ∂ℒ/∂Z", equations=(3, 4, 10))
class jacobian_missing(Model):
    """-Y/A in place of A - Y."""

    def residual(self, A, Y):
        return like(-(like(Y, A) / A), A)


@mistake("softmax", fix="do not multiply by A (1 - A): that is the squared error's", equations=(10,))
class logistic_derivative_applied(Model):
    """(A - Y) A (1 - A)."""

    def residual(self, A, Y):
        return like(super().residual(A, Y) * A * (1 - A), A)


@mistake("softmax", fix="-a aᵀ has the same sign on both sides of the diagonal", equations=(6, 22))
class jacobian_negated_above_the_diagonal(Model):
    """The entries of the Jacobian above the diagonal have the wrong sign."""

    def jacobian(self, a):
        found = super().jacobian(a)
        i, j = np.indices(found.shape)
        return np.where(i < j, -found, found)


@mistake("softmax", fix="every pair of classes has its entry -a_i a_j", equations=(6, 22))
class jacobian_of_neighbours_only(Model):
    """The Jacobian is 0 two and more places from the diagonal."""

    def jacobian(self, a):
        found = super().jacobian(a)
        i, j = np.indices(found.shape)
        return np.where(abs(i - j) <= 1, found, 0 * found)


@mistake("softmax", fix="the diagonal is a (1 - a), not 1 - a", equations=(5, 22), seen="neuroph/neuroph#37")
class jacobian_without_its_factor(Model):
    """1 - a on the diagonal of the Jacobian, in place of a (1 - a)."""

    def jacobian(self, a):
        found = super().jacobian(a).copy()
        for i in range(len(found)):
            found[i, i] = like(1 - a[i], a)
        return found


@mistake("softmax", fix="sum over samples: a Jacobian belongs to one column", equations=(6, 22))
class jacobian_divided_by_classes(Model):
    """The Jacobian divided by the number of classes."""

    def jacobian(self, a):
        return self.divided(super().jacobian(a), len(a))
