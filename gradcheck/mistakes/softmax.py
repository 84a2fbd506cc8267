"""The softmax, its Jacobian, and the loss: what is computed in their place, and what overflows."""

import numpy as np

from gradcheck.mistakes.stages import Model, like
from gradcheck.mistakes.table import mistake

ONE_STEP = "subtract the maximum of each column before exp"


def log_likelihood(A, Y):
    """sum Y log A, as it is printed: 0 log 0 is NaN."""
    return (like(Y, A) * np.log(A)).sum()


class FromSoftmax(Model):
    """The loss is the logarithm of whatever the softmax gives: as printed, 0 log 0 is NaN."""

    analytic = False

    def loss(self, theta, b, X, Y):
        return self.mean(-log_likelihood(self.softmax(self.logits(theta, b, X)), Y), Y)


def normalised(powers):
    """Columns divided by their sums."""
    return like(powers / like(powers.sum(axis=0, keepdims=True), powers), powers)


class Clipped(Model):
    """Probabilities clipped before the log."""

    analytic = False
    choices = (1e-7, 1e-8, 1e-12, 1e-15, 1e-10, 1e-6, 1e-5)
    value = 1e-7

    def total(self, log_A, Y):
        return -log_likelihood(np.clip(np.exp(log_A), self.value, 1 - self.value), Y)


@mistake(
    "stability",
    fix=ONE_STEP,
    equations=(1,),
    seen="statsmodels/statsmodels#3635",
    common=True,
)
class unshifted_softmax(FromSoftmax):
    """exp of logits as they are: overflows above 709, and is 0/0 where all are below -745."""

    def softmax(self, Z):
        return normalised(np.exp(Z))


@mistake(
    "stability",
    fix="take the maximum of each column, not of the whole matrix",
    equations=(1,),
    seen="manassharma07/crysx_nn#7",
)
class maximum_over_the_whole_matrix(FromSoftmax):
    """One shift for all samples: 0/0 in columns far below the largest."""

    def softmax(self, Z):
        return normalised(np.exp(Z - Z.max()))


@mistake("stability", fix=ONE_STEP, equations=(1,))
class minimum_subtracted(FromSoftmax):
    """The minimum subtracted in place of the maximum."""

    def softmax(self, Z):
        return normalised(np.exp(Z - Z.min(axis=0, keepdims=True)))


@mistake("stability", fix="subtract the maximum: the mean leaves large logits large", equations=(1,))
class mean_subtracted(FromSoftmax):
    """The mean of the logits subtracted in place of the maximum."""

    def softmax(self, Z):
        return normalised(np.exp(Z - Z.sum(axis=0, keepdims=True) / len(Z)))


@mistake("stability", fix="subtract the maximum along the class axis", equations=(1,))
class maximum_over_samples(FromSoftmax):
    """The maximum of each class over samples subtracted: a shift that softmax does not forgive."""

    def softmax(self, Z):
        return normalised(np.exp(Z - Z.max(axis=1, keepdims=True)))


@mistake("stability", fix="the constant has no place: a shifted softmax never divides by 0", equations=(1,))
class constant_in_the_denominator(Model):
    """exp(Z - max)/(sum + {value})."""

    analytic = False
    choices = (1e-8, 1e-7, 1e-6, 1e-9, 1e-10, 1e-5)
    value = 1e-8

    def softmax(self, Z):
        powers = np.exp(Z - Z.max(axis=0, keepdims=True))
        return like(powers / like(powers.sum(axis=0, keepdims=True) + self.value, Z), Z)


@mistake(
    "softmax",
    fix="normalise over classes, axis=0",
    equations=(1,),
    seen="fastai/fastai#3189",
    common=True,
)
class softmax_over_samples(FromSoftmax):
    """Softmax along the sample axis: rows of A sum to 1."""

    def softmax(self, Z):
        return super().softmax(Z.T).T


@mistake("softmax", fix="divide each column by its own sum", equations=(1,), seen="nntrainer/nntrainer#430")
class softmax_by_the_grand_total(FromSoftmax):
    """Divided by the sum over classes and samples."""

    def softmax(self, Z):
        powers = np.exp(Z - Z.max(axis=0, keepdims=True))
        return like(powers / like(powers.sum(), powers), Z)


@mistake(
    "softmax",
    fix="hand the logits to the loss: it applies softmax itself",
    equations=(1, 2, 10),
    seen="tflearn/tflearn#562, keras-team/keras#6143",
    common=True,
)
class softmax_applied_twice(Model):
    """Softmax of the softmax."""

    analytic = False

    def softmax(self, Z):
        return super().softmax(super().softmax(Z))

    def log_softmax(self, Z):
        return super().log_softmax(super().softmax(Z))


@mistake(
    "softmax",
    fix="softmax over the classes, not a sigmoid for each",
    equations=(1, 2),
    seen="eLifePathways/sciencebeam-gym#9",
)
class sigmoid_per_class(FromSoftmax):
    """One sigmoid for each class."""

    def softmax(self, Z):
        return like(1 / (1 + np.exp(-Z)), Z)


@mistake(
    "softmax", fix="subtract the labels from probabilities, not from logits", equations=(10,), seen="borgwang/tinynn"
)
class softmax_forgotten(Model):
    """(Z - Y)/n: logits in place of probabilities in the gradient."""

    def logits_gradient(self, theta, b, X, Y):
        return self.mean(self.residual(self.logits(theta, b, X), self.labels(Y)), Y)


@mistake("softmax", fix="use log A in the loss and A in the gradient", equations=(10,))
class logarithm_of_probabilities(Model):
    """(log A - Y)/n."""

    def logits_gradient(self, theta, b, X, Y):
        return self.mean(self.residual(self.log_softmax(self.logits(theta, b, X)), self.labels(Y)), Y)


@mistake("softmax", fix="divide by T in the gradient, too", equations=(1, 10), seen="apache/mxnet#11466")
class temperature_in_the_gradient(Model):
    """Logits divided by a temperature of {value} in the gradient alone."""

    choices = (2.0, 0.5, 0.1, 10.0, 0.07, 20.0)
    value = 2.0

    def logits_gradient(self, theta, b, X, Y):
        A = self.softmax(self.divided(self.logits(theta, b, X), self.value))
        return self.mean(self.residual(A, self.labels(Y)), Y)


@mistake("softmax", fix="add b to every logit", equations=(20,))
class forgotten_bias(Model):
    """Z = θ X, without b."""

    def logits(self, theta, b, X):
        return super().logits(theta, b * 0, X)


@mistake("softmax", fix="add b, do not subtract it", equations=(20,))
class bias_subtracted(Model):
    """Z = θ X - b."""

    def logits(self, theta, b, X):
        return super().logits(theta, -b, X)


@mistake(
    "softmax",
    fix="pass the logits as they are, or differentiate the clip as well",
    equations=(20, 10),
    seen="explosion/thinc: softmax_sequences",
)
class logits_clipped(Model):
    """Logits clipped to ±{value}, and the clip not differentiated."""

    analytic = False
    choices = (20.0, 10.0, 30.0, 50.0, 100.0, 500.0)
    value = 20.0

    def softmax(self, Z):
        return super().softmax(np.clip(Z, -self.value, self.value))

    def log_softmax(self, Z):
        return super().log_softmax(np.clip(Z, -self.value, self.value))


@mistake(
    "stability",
    fix="keep small probabilities: they are what moves a class",
    equations=(1,),
    seen="apple/ml-cross-entropy",
)
class small_probabilities_dropped(Model):
    """Probabilities below {value} taken for 0 in the gradient."""

    choices = (1e-7, 2.0**-12, 1e-3, 1e-5, 1e-6, 1e-8, 1e-10)
    value = 1e-7

    def residual(self, A, Y):
        return super().residual(np.where(self.value > A, A * 0, A), Y)


@mistake(
    "stability",
    fix="use log_softmax of the logits: there is nothing to clip",
    equations=(2, 10),
    seen="keras-team/keras#17634",
)
class clipped_probabilities_differentiated(Clipped):
    """Probabilities clipped to {value} before the log, and the gradient 0 where they are."""

    def residual(self, A, Y):
        labels = like(Y, A)
        inside = np.where((self.value < A) & (1 - self.value > A), labels, labels * 0)
        return super().residual(A, inside)


@mistake(
    "loss", fix="use log_softmax of the logits: there is nothing to clip", equations=(2,), seen="keras-team/keras#9664"
)
class clipped_loss(Clipped):
    """Probabilities clipped to {value} before the log, beside a gradient that does not know."""


@mistake(
    "loss", fix="use log_softmax of the logits: there is nothing to add", equations=(2,), seen="tiny-dnn/tiny-dnn#1030"
)
class constant_in_the_logarithm(Model):
    """log(A + {value}) in the loss."""

    analytic = False
    choices = (1e-8, 1e-7, 1e-6, 1e-9, 1e-10, 1e-12, 1e-15, 1e-5)
    value = 1e-8

    def total(self, log_A, Y):
        return -log_likelihood(np.exp(log_A) + self.value, Y)


@mistake("loss", fix="use (z - max) - log sum exp: log of an underflown probability is -inf", equations=(2,))
class logarithm_of_an_underflown_probability(FromSoftmax):
    """log of the softmax: -inf where it underflows, and 0 times that is NaN."""


@mistake("loss", fix="sum over all samples: no index, no early return", equations=(2,), seen="DEVLOKER/neural-network")
class loss_of_the_first_sample(Model):
    """The loss of the first sample alone."""

    def loss(self, theta, b, X, Y):
        return super().loss(theta, b, X[:, :1], Y[:, :1])


@mistake("loss", fix="divide by n", equations=(2,), common=True)
class loss_summed(Model):
    """The loss summed over samples beside a mean gradient."""

    def loss(self, theta, b, X, Y):
        return like(super().loss(theta, b, X, Y) * Y.shape[1], theta)


@mistake("loss", fix="natural logarithm: log, not log2", equations=(2,))
class loss_in_bits(Model):
    """The loss with log2."""

    def loss(self, theta, b, X, Y):
        return self.divided(super().loss(theta, b, X, Y), 0.6931471805599453)


@mistake("loss", fix="scale the gradient by the upstream gradient, too", equations=(2,), seen="pytorch/pytorch#94226")
class upstream_gradient_ignored(Model):
    """The loss times {value}, and a gradient that does not know of the factor."""

    choices = (2.0, 0.5, 10.0, 100.0, 1024.0, 65536.0)
    value = 2.0

    def loss(self, theta, b, X, Y):
        return super().loss(theta, b, X, Y) * self.value


@mistake("loss", fix="the loss is minus the log-likelihood", equations=(2,))
class loss_negated(Model):
    """The log-likelihood, without its minus."""

    def loss(self, theta, b, X, Y):
        return -super().loss(theta, b, X, Y)


@mistake("loss", fix="-sum Y log A: the squared error is another loss", equations=(2,))
class squared_error(Model):
    """The squared error in place of the cross-entropy."""

    analytic = False

    def loss(self, theta, b, X, Y):
        residual = self.softmax(self.logits(theta, b, X)) - like(Y, theta)
        return self.mean((residual * residual).sum(), Y)


@mistake("loss", fix="leave the other classes out: -sum Y log A is the whole loss", equations=(2,))
class binary_cross_entropy(Model):
    """Y log A + (1 - Y) log(1 - A) summed over the classes."""

    analytic = False

    def loss(self, theta, b, X, Y):
        A = self.softmax(self.logits(theta, b, X))
        labels = like(Y, A)
        return self.mean(-(labels * np.log(A) + (1 - labels) * np.log(1 - A)).sum(), Y)


@mistake("loss", fix="put the penalty into the gradient as well, or into neither", equations=(2,))
class penalty_in_the_loss(Model):
    """{value}/2 |θ|² added to the loss, and not to the gradient."""

    choices = (0.01, 0.0001, 0.0005, 0.001, 0.1, 1.0)
    value = 0.01

    def loss(self, theta, b, X, Y):
        return super().loss(theta, b, X, Y) + (theta * theta).sum() * (self.value / 2)


@mistake("loss", fix="the entropy of A is not the loss: use Y", equations=(2,))
class entropy_of_the_prediction(Model):
    """-sum A log A: the prediction in the place of the labels."""

    analytic = False

    def total(self, log_A, Y):
        return -(np.exp(log_A) * log_A).sum()


# ---- the Jacobian ----


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
