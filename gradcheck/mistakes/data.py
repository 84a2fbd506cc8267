"""The gradient of the data: d loss/dX = theta^T D."""

from gradcheck.mistakes.stages import Model, like
from gradcheck.mistakes.table import mistake

DATA = (3, 20)
TRANSPOSE = "multiply D by the transpose of theta"


@mistake("axis", fix=TRANSPOSE, equations=DATA)
class theta_reshaped_for_the_data(Model):
    """∂ℒ/∂X is θ, its entries taken row by row as (d, L), times D."""

    def data_gradient(self, D, theta):
        L, d = theta.shape
        return like(theta.reshape(d, L) @ D, D)


@mistake("scale", fix="divide ∂ℒ/∂X by n once: D is divided already", equations=DATA)
class data_gradient_divided_twice(Model):
    """∂ℒ/∂X is divided by n twice."""

    def data_gradient(self, D, theta):
        return self.divided(super().data_gradient(D, theta), D.shape[1])


@mistake("scale", fix="divide ∂ℒ/∂X by n, as the others", equations=DATA)
class data_gradient_not_divided(Model):
    """∂ℒ/∂X is of the sum, where the others are of the mean."""

    def data_gradient(self, D, theta):
        return like(super().data_gradient(D, theta) * D.shape[1], D)


@mistake("sign", fix="change the sign of ∂ℒ/∂X", equations=DATA)
class data_gradient_negated(Model):
    """∂ℒ/∂X has the other sign."""

    def data_gradient(self, D, theta):
        return -super().data_gradient(D, theta)


@mistake("softmax", fix="multiply θᵀ by A - Y, not by A", equations=DATA)
class data_gradient_of_the_probabilities(Model):
    """∂ℒ/∂X is θᵀ A/n: the labels are forgotten."""

    def gradients(self, theta, b, X, Y):
        A = self.softmax(self.mapped(self.logits(theta, b, X)))
        return {**super().gradients(theta, b, X, Y), "X": self.data_gradient(self.mean(A, Y), theta)}


@mistake("memory", fix="add the pieces up: each is written over the one before", equations=DATA)
class last_classes_in_the_data_gradient(Model):
    """∂ℒ/∂X is that of the last half of the classes: each piece is written over the one before."""

    def data_gradient(self, D, theta):
        half = len(D) // 2
        return super().data_gradient(D[half:], theta[half:])


@mistake("memory", fix="begin ∂ℒ/∂X with zeros", equations=DATA)
class data_gradient_accumulated_twice(Model):
    """∂ℒ/∂X has the last half of the classes twice."""

    def data_gradient(self, D, theta):
        half = len(D) // 2
        return like(super().data_gradient(D, theta) + super().data_gradient(D[half:], theta[half:]), D)
