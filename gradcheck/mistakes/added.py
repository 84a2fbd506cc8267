"""What is added to the cross-entropy: a z-loss, a penalty; and what is left on."""

from gradcheck.law.functions import log_sum_exp
from gradcheck.mistakes.stages import Model, like
from gradcheck.mistakes.table import GRADIENT, THETA, mistake

SQUARES = {"z_loss": 0.01}
IGNORED = {"z_loss": 0.01, "ignore": -100, "mean_of": "labelled"}
PENALTY = {"l2": 0.3}
EVERY = (2, *GRADIENT)


@mistake("penalty", fix="differentiate the z-loss, too", equations=GRADIENT, law=SQUARES)
class z_loss_in_the_loss_only(Model):
    """The z-loss is in the loss, and not in the gradient."""

    def logits_gradient(self, theta, b, X, Y):
        return self.under(z_loss=0.0).logits_gradient(theta, b, X, Y)


@mistake("penalty", fix="add the z-loss to the loss, too", equations=(2,), law=SQUARES)
class z_loss_in_the_gradient_only(Model):
    """The z-loss is in the gradient, and not in the loss."""

    def loss(self, theta, b, X, Y):
        return self.under(z_loss=0.0).loss(theta, b, X, Y)


@mistake("penalty", fix="the derivative of c lse^2 is 2 c lse A", equations=GRADIENT, law=SQUARES)
class z_loss_without_its_2(Model):
    """c lse A in the gradient."""

    def of_squares(self, Z, A, Y):
        return like(super().of_squares(Z, A, Y) * 0.5, A)


@mistake("penalty", fix="multiply 2 c lse by the probabilities", equations=GRADIENT, law=SQUARES)
class z_loss_without_probabilities(Model):
    """2 c lse on every class, in the gradient."""

    def of_squares(self, Z, A, Y):
        return like(super().of_squares(Z, 0 * A + 1, Y), A)


@mistake("penalty", fix="square the log-sum-exp", equations=(2,), law=SQUARES)
class z_loss_not_squared(Model):
    """c lse in the loss."""

    def squares(self, Z, Y):
        return like((log_sum_exp(Z) * self.counting(like(Y, Z))).sum() * self.law.z_loss, Z)


@mistake("penalty", fix="add the maximum back to log sum exp(z - max)", equations=EVERY, law=SQUARES)
class z_loss_of_shifted_logits(Model):
    """The z-loss is of log sum exp(z - max), and the maximum is not added back."""

    def _shifted(self, Z):
        return like(Z - Z.max(axis=0, keepdims=True), Z)

    def squares(self, Z, Y):
        return super().squares(self._shifted(Z), Y)

    def of_squares(self, Z, A, Y):
        return super().of_squares(self._shifted(Z), A, Y)


@mistake("penalty", fix="take the mean of the z-loss, as of the loss", equations=EVERY, law=SQUARES)
class z_loss_summed(Model):
    """The z-loss is added up over the samples, where the loss is a mean."""

    def squares(self, Z, Y):
        return like(super().squares(Z, Y) * Y.shape[1], Z)

    def of_squares(self, Z, A, Y):
        return like(super().of_squares(Z, A, Y) * Y.shape[1], A)


@mistake("penalty", fix="mask the z-loss of ignored samples in the gradient, too", equations=GRADIENT, law=IGNORED)
class z_loss_over_ignored_samples_in_the_gradient(Model):
    """The gradient of the z-loss is over all samples, the loss over the labelled ones."""

    def logits_gradient(self, theta, b, X, Y):
        return self.under(z_over="samples").logits_gradient(theta, b, X, Y)


@mistake("penalty", fix="switch the z-loss off", equations=EVERY, seen="allenai/OLMo-core#702")
class z_loss_left_on(Model):
    """A z-loss of {value} is left in loss and gradient."""

    choices = (1e-4, 1e-3, 1e-5, 1e-2, 2e-4, 5e-4, 1e-6)
    value = 1e-4

    def loss(self, theta, b, X, Y):
        return self.under(z_loss=self.value).loss(theta, b, X, Y)

    def logits_gradient(self, theta, b, X, Y):
        return self.under(z_loss=self.value).logits_gradient(theta, b, X, Y)


@mistake("penalty", fix="the derivative of l2/2 |theta|^2 is l2 theta", equations=THETA, law=PENALTY)
class penalty_twice_in_the_gradient(Model):
    """2 l2 theta in the gradient, where the loss has l2/2 |theta|^2."""

    def penalised(self, gradient, parameter):
        return like(gradient + parameter * (2 * self.law.l2), gradient)


@mistake("penalty", fix="differentiate the penalty, too", equations=THETA, law=PENALTY)
class penalty_in_the_loss_only(Model):
    """The penalty is in the loss, and not in the gradient."""

    def penalised(self, gradient, parameter):
        return gradient


@mistake("penalty", fix="divide the penalty by n in both, or in neither", equations=THETA, law=PENALTY)
class penalty_divided_by_n_in_the_gradient(Model):
    """l2/n theta in the gradient, where the loss has l2/2 |theta|^2."""

    def gradients(self, theta, b, X, Y):
        found = self.under(l2=0.0, l2_bias=False).gradients(theta, b, X, Y)
        return {**found, "theta": like(found["theta"] + self.divided(theta, Y.shape[1]) * self.law.l2, theta)}
