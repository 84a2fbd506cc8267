"""Logits that are scaled or capped: what is not differentiated, or not of the right thing."""

import numpy as np

from gradcheck.law.functions import tanh
from gradcheck.mistakes.stages import Model, like
from gradcheck.mistakes.table import GRADIENT, mistake
from gradcheck.mistakes.tiles import TILES, empty

CAPPED = {"softcap": 3.0}
SCALED = {"scale": 0.7}
SLOPE = "multiply the gradient by 1 - tanh(z/c)^2"


@mistake("loss", fix=SLOPE, equations=GRADIENT, law=CAPPED)
class cap_not_differentiated(Model):
    """The gradient of the capped logits is taken for that of the logits."""

    def slope(self, Z):
        return like((0 * Z + 1) * self.law.scale, Z)


@mistake("loss", fix=SLOPE, equations=GRADIENT, law=CAPPED)
class cap_differentiated_at_the_capped(Model):
    """The slope of the cap is taken at tanh(z/c), and not at z/c."""

    def slope(self, Z):
        t = tanh(tanh(Z * (1 / self.law.softcap)))
        return like(1 - t * t, Z)


@mistake("loss", fix="divide the capped logits by the cap before they are squared", equations=GRADIENT, law=CAPPED)
class cap_not_divided_out(Model):
    """The slope is 1 - (c tanh(z/c))^2."""

    def slope(self, Z):
        capped = self.mapped(Z)
        return like(1 - capped * capped, Z)


@mistake("loss", fix="subtract the square of tanh from 1", equations=GRADIENT, law=CAPPED)
class cap_slope_not_squared(Model):
    """The slope is 1 - tanh(z/c)."""

    def slope(self, Z):
        return like(1 - tanh(Z * (1 / self.law.softcap)), Z)


@mistake("loss", fix="multiply tanh(z/c) by c", equations=(2, *GRADIENT), law=CAPPED, seen="unslothai/unsloth-zoo#593")
class logits_times_their_tanh(Model):
    """z tanh(z/c) in the place of c tanh(z/c)."""

    def mapped(self, Z):
        return like(Z * tanh(Z * (1 / self.law.softcap)), Z)


@mistake("loss", fix="multiply tanh(z/c) by c", equations=(2, *GRADIENT), law=CAPPED)
class cap_not_multiplied_back(Model):
    """tanh(z/c), and no product with c."""

    def mapped(self, Z):
        return like(tanh(Z * (1 / self.law.softcap)), Z)


@mistake("loss", fix="cap the logits of the gradient, too", equations=GRADIENT, law=CAPPED)
class cap_in_the_loss_only(Model):
    """The loss caps its logits, and the gradient does not."""

    def logits_gradient(self, theta, b, X, Y):
        return self.under(softcap=0.0).logits_gradient(theta, b, X, Y)


@mistake("loss", fix="cap the logits of the loss, too", equations=(2,), law=CAPPED)
class cap_in_the_gradient_only(Model):
    """The gradient caps its logits, and the loss does not."""

    def loss(self, theta, b, X, Y):
        return self.under(softcap=0.0).loss(theta, b, X, Y)


@mistake(
    "softmax",
    fix="mask the empty lanes after the cap: -inf comes out of it as -c, and is summed",
    equations=(2, *GRADIENT),
    law=CAPPED,
    seen="unslothai/unsloth#10616",
)
class empty_lanes_capped(Model):
    """The empty lanes of a tile of {value} classes, masked before the cap, come out of it as -c and are summed."""

    choices = TILES
    value = 16

    def _wide(self, Z):
        cap = np.asarray(self.law.softcap * (self.law.scale if self.law.scaled == "after" else 1)).astype(Z.dtype)
        lanes = np.zeros((empty(len(Z), self.value), Z.shape[1])).astype(Z.dtype) - cap
        return np.concatenate((Z, self.entered(lanes, Z)))

    def entered(self, lanes, Z):
        return type(Z).exact(lanes) if hasattr(type(Z), "exact") else lanes

    def softmax(self, Z):
        return super().softmax(self._wide(Z))[: len(Z)]

    def log_softmax(self, Z):
        return super().log_softmax(self._wide(Z))[: len(Z)]

    def log_sum_exp(self, Z):
        return super().log_sum_exp(self._wide(Z))


@mistake("scale", fix="multiply the gradient by the scale", equations=GRADIENT, law=SCALED)
class scale_not_differentiated(Model):
    """The gradient of the scaled logits is taken for that of the logits."""

    def slope(self, Z):
        return like(0 * Z + 1, Z)


@mistake("scale", fix="scale the logits once", equations=(2, *GRADIENT), law=SCALED)
class scale_twice(Model):
    """Logits that are scaled already are scaled again."""

    def mapped(self, Z):
        return super().mapped(super().mapped(Z))


@mistake("scale", fix="scale the logits of the gradient, too", equations=GRADIENT, law=SCALED)
class scale_in_the_loss_only(Model):
    """The loss scales its logits, and the gradient does not."""

    def logits_gradient(self, theta, b, X, Y):
        return self.under(scale=1.0).logits_gradient(theta, b, X, Y)


@mistake("scale", fix="multiply the gradient by the scale once", equations=GRADIENT, law=SCALED)
class scale_squared_in_the_gradient(Model):
    """The gradient is multiplied by the square of the scale."""

    def slope(self, Z):
        return like((0 * Z + 1) * (self.law.scale * self.law.scale), Z)
