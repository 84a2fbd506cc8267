"""Central differences entry by entry: what they enclose, and that their radii are those of docs/bounds.md, section 8, and no more.

Each formula stands here a second time, sample by sample and entry by entry.
"""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradcheck import Enclosure, Problem, bounds, precision, problems, referees
from gradcheck.referees import (
    ball,
    central,
    central_logits,
    central_softmax,
    cumulants,
    float64,
    mathematical,
    quotient,
)

DATA = st.data()
U64 = 2.0**-53
ROOT = 6 * math.sqrt(3)
NOISE = 1e-12
SMOOTH = ("*", "label-mass")  # regimes with difference quotients: no class at -inf, no whole numbers


def drawn(data) -> Problem:
    """In float64, cut down to samples that balls are quick with."""
    regime = data.draw(st.sampled_from(SMOOTH), label="regime")
    p = data.draw(problems(dtypes=("float64", "float32", "float16"), regimes=(regime,)), label="problem")
    n = min(p.n, max(1, 256 // p.L))
    theta, b, X, Y = p.reals
    return Problem(theta, b, X[:, :n], Y[:, :n], p.memory)


def same(found, formula) -> bool:
    """But for what `outward` adds, and the rounding of this file."""
    return bool((abs(np.asarray(found) - formula) <= abs(np.asarray(formula)) * 2.0**-40).all())


# ---- they enclose the truth ----


@pytest.mark.parametrize("variable", ["theta", "b", "Z"])
@given(data=DATA)
def test_central_differences_of_the_loss_enclose_every_entry_of_the_gradient(variable, data):
    """∂ℒ/∂θ, ∂ℒ/∂b and ∂ℒ/∂Z, as the balls know them."""
    truth = ball.truth(drawn(data))
    found, exact = mathematical.gradient(truth, variable), truth.enclosure({"Z": "D"}.get(variable, variable))
    assert found.midpoint.shape == exact.midpoint.shape
    assert found.meets(exact)


@given(data=DATA)
def test_central_differences_along_a_direction_of_Z_enclose_every_samples_derivative(data):
    """Column i of ∂ℒ/∂Z times that of the displacement."""
    truth = ball.truth(drawn(data))
    D = truth.enclosure("D")
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32), label="signs"))
    taken = mathematical.logits_gradient_along(truth, rng.choice([-1.0, 1.0], D.midpoint.shape))
    size = abs(taken.move)
    rounding = 2 * (len(size) + 2) * U64 * (abs(D.midpoint) * size).sum(axis=0)
    exact = Enclosure((D.midpoint * taken.move).sum(axis=0), (D.radius * size).sum(axis=0) + rounding)
    assert taken.enclosure.meets(exact)


@pytest.mark.parametrize("dtype", precision.NAMES)
@given(data=DATA)
def test_central_differences_of_a_softmax_enclose_its_jacobian(dtype, data):
    """A_l (1 - A_l), -A_l A_k, and their product with a displacement, of logits that are numbers of any precision."""
    p = precision.named(dtype)
    Z = p.round(ball.truth(drawn(data)).enclosure("Z").midpoint[:, 0]).astype(float)
    z = np.where(np.isfinite(Z), Z, 0)
    signs = np.random.default_rng(data.draw(st.integers(0, 2**32), label="signs")).choice([-1.0, 1.0], len(z))
    exact = ball.softmax_jacobian(z)
    step = central_softmax.best_step(z, p.u)
    for rounded in (np.asarray, lambda values: p.round(values).astype(float)):
        taken = central_softmax.enclose(z, step, signs, float64.softmax, all_entries=True, rounded=rounded)
        assert taken.entries.meets(exact)
        size = abs(exact.midpoint) @ abs(taken.move)
        apart = exact.radius @ abs(taken.move) + 2 * (len(z) + 2) * U64 * size
        assert taken.along.meets(Enclosure(exact.midpoint @ taken.move, np.where(np.isfinite(apart), apart, 0)))


@given(data=DATA)
def test_the_losses_of_samples_are_known_to_within_their_rounding_bound(data):
    """loss_i = Σ Y (lse - z) of given logits, and of logits that are up to 1 away."""
    p = drawn(data)
    truth = ball.truth(p)
    Z = truth.enclosure("Z").midpoint
    for moved in (Z, Z + np.random.default_rng(0).uniform(-0.9, 0.9, Z.shape)):
        for i in range(p.n):
            alone = Problem(moved[:, [i]], np.zeros((p.L, 1)), np.ones((1, 1)), p.Y[:, [i]])
            exact = ball.truth(alone).enclosure("loss")
            found = float64.sample_losses(moved[:, [i]], p.Y[:, [i]])[0]
            assert abs(found - exact.midpoint) <= truth.nearby_sample_errors[i] + exact.radius


# ---- what they are off by is what is derived, and no more ----

P = Problem(
    np.array([[0.25, -0.5], [0.5, 0.75], [-1.0, 0.25]]),
    np.array([[0.25], [-0.5], [0.125]]),
    np.array([[0.5, -1.0, 1.0], [0.5, 3.0, 0.0]]),
    np.array([[1.0, 0.0, 0.5], [0.0, 0.0, 2.0], [0.0, 1.0, 0.0]]),
)
MASS = P.Y.sum(axis=0)


def bend(up, down, ranges):
    """(1/n) Σ mass [R(D₊ - D₋)(R(D₊) + R(D₋))/8 + (R(D₊)³ + R(D₋)³)/(36√3)], where one coordinate moves."""
    gap = abs(up - down) + 2 * U64 * (up + down)
    return [
        m * (gap * r * (up + down) * r / 8 + (up**3 + down**3) * r**3 / (6 * ROOT))
        for m, r in zip(MASS, ranges, strict=True)
    ]


@pytest.mark.parametrize("variable", ["theta", "b"])
def test_an_entry_is_off_by_its_truncation_and_two_roundings_over_its_own_step(variable):
    """h = (3e/M₃)^(1/3), the power of two below; (bend + 2e + u(|top| + |bottom|))/|W| + 3u|quotient|."""
    found = central.entries(P, variable, float64.losses, NOISE)
    start = P.theta if variable == "theta" else P.b
    for place in np.ndindex(start.shape):
        ranges = abs(P.X[place[1]]) if variable == "theta" else np.ones(P.n)
        third = sum(MASS * ranges**3) / P.n / ROOT
        h = 2.0 ** math.floor(math.log2((3 * NOISE / third) ** (1 / 3)))
        ends = []
        for sign in (1, -1):
            moved = start.copy()
            moved[place] += sign * h
            ends.append(
                (moved[place], float64.loss(Problem(*(moved if a is start else a for a in (P.theta, P.b)), P.X, P.Y)))
            )
        (above, top), (below, bottom) = ends
        W, value = above - below, (top - bottom) / (above - below)
        off = sum(bend(above - start[place], start[place] - below, ranges)) / P.n
        assert found.midpoint[place] == value
        assert same(found.radius[place], (off + 2 * NOISE + U64 * (abs(top) + abs(bottom))) / W + 3 * U64 * abs(value))


def test_an_entry_of_the_logits_gradient_is_off_by_what_its_own_sample_is_off_by():
    """(mass (bend + r R(W)/2) + 2eᵢ + u(|top| + |bottom|))/(n|W|), r the radius of the sample's logits."""
    Z = Enclosure(P.theta @ P.X + P.b, np.full((3, 3), 2.0**-40))
    noise = np.array([1e-12, 3e-12, 2e-10])
    found = central_logits.entries(Z, P.Y, float64.sample_losses, noise)
    for l, i in np.ndindex(3, 3):
        h = 2.0 ** math.floor(math.log2((3 * noise[i] * ROOT / MASS[i]) ** (1 / 3)))
        above, below = Z.midpoint.copy(), Z.midpoint.copy()
        above[l, i] += h
        below[l, i] -= h
        top, bottom = (float64.sample_losses(end, P.Y)[i] for end in (above, below))
        W, up, down = above[l, i] - below[l, i], above[l, i] - Z.midpoint[l, i], Z.midpoint[l, i] - below[l, i]
        off = MASS[i] * ((up**3 + down**3) / (6 * ROOT) + 2.0**-40 * (up + down) / 2)
        radius = (off + 2 * noise[i] + U64 * (top + bottom)) / P.n / W
        value = (top - bottom) / P.n / W
        assert same(found.midpoint[l, i], value)
        assert (
            abs(found.radius[l, i] - radius) <= 2.0**-20 * radius
        )  # the gap of a rounded step is all that is left out here


def test_a_probability_bends_no_more_than_the_product_of_the_two():
    """|A″|, |A‴| ≤ A_l A_k along z_k for l ≠ k, A_k (1 - A_k) for l = k, at most 1/8; each A as large as it gets on the way."""
    most = np.array([[0.5, 0.25, 0.125], [0.25, 0.0625, 0.5], [2.0**-10, 0.75, 0.125]])
    found = cumulants.softmax_curvature(most)
    for l, k in np.ndindex(3, 3):
        others = sum(most[j, k] for j in range(3) if j != k)
        due = most[k, k] * (min(others, 1) if l == k else most[l, k])
        assert same(found[l, k], min(due, 0.125))


@pytest.mark.parametrize("z", [np.zeros(2), np.array([0.5, -1.25, 3.0]), np.array([-40.0, 0.0, 1.0, 0.25])])
def test_the_derivatives_of_a_probability_keep_to_their_bounds(z):
    """In closed form, along every logit and along lines."""
    J = ball.softmax_jacobian(z).midpoint
    A = ball.softmax(z[:, np.newaxis]).midpoint[:, 0]
    second = np.array(
        [
            [
                [A[l] * ((l == k) - A[k]) * ((l == m) - A[m]) - A[l] * J[k, m] for m in range(len(z))]
                for k in range(len(z))
            ]
            for l in range(len(z))
        ]
    )
    bound = cumulants.softmax_curvature(np.tile(A[:, np.newaxis], len(z)))
    for l, k in np.ndindex(J.shape):
        assert abs(second[l, k, k]) <= bound[l, k] * (1 + 2.0**-40) + 2.0**-60
        assert abs(J[l, k] * (1 - 6 * A[k] * (1 - A[k]))) <= bound[l, k] * (1 + 2.0**-40)
    rng = np.random.default_rng(3)
    for _ in range(50):
        V, W = rng.uniform(-1, 1, (2, len(z)))
        assert (abs(np.einsum("lkm,k,m->l", second, V, W)) <= A * np.ptp(V) * np.ptp(W) * 1.25 + 2.0**-60).all()


def test_an_entry_of_the_jacobian_is_off_by_its_truncation_and_both_roundings():
    """(c [gap (U + V)/2 + (U³ + V³)/6] + both radii + u(A₊ + A₋))/|W| + 3u|quotient|; along a line with its range R."""
    z, signs = np.array([0.5, -1.25, 3.0]), np.array([1.0, -1.0, 1.0])
    step = 2.0**-10

    def softmax(Z):
        return Enclosure(float64.softmax(Z).midpoint, np.full(Z.shape, 1e-9))

    taken = central_softmax.enclose(z, step, signs, softmax, all_entries=True)
    ends = {
        sign: [float64.softmax((z + sign * step * np.eye(3)[k])[:, np.newaxis]).midpoint[:, 0] for k in range(3)]
        for sign in (1, -1)
    }
    most = np.maximum(*(np.array(ends[sign]).T for sign in (1, -1))) + 1e-9
    for l, k in np.ndindex(3, 3):
        top, bottom = ends[1][k][l], ends[-1][k][l]
        c = min(most[k, k] * (min(sum(most[:, k]) - most[k, k], 1) if l == k else most[l, k]), 1 / 8)
        gap = 4 * U64 * step
        off = c * (gap * step + step**3 / 3) + 2e-9 + U64 * (top + bottom)
        value = (top - bottom) / (2 * step)
        assert taken.entries.midpoint[l, k] == value
        assert same(taken.entries.radius[l, k], off / (2 * step) + 3 * U64 * abs(value))
    top, bottom = (float64.softmax((z + sign * step * signs)[:, np.newaxis]).midpoint[:, 0] for sign in (1, -1))
    R = 2 * step
    bound = np.minimum((np.maximum(top, bottom) + 1e-9) * math.exp(R), 1)
    off = bound * (1 + 1 / ROOT) * 2 * R**3 / 6 + 2e-9 + U64 * (top + bottom)
    assert (taken.along.midpoint == top - bottom).all()
    assert (abs(taken.along.radius - off) <= 2.0**-20 * off).all()
    assert (taken.move == 2 * step * signs).all()


def test_a_step_that_is_lost_in_rounding_is_taken_wider_and_one_that_is_not_made_says_nothing():
    """At least two spacings; an infinite radius where there is no displacement, or one of infinite size."""
    above, below = quotient.ends(np.array([0.0, 2.0**60]), np.array([2.0**-20, 2.0**-20]))
    assert above.tolist() == [2.0**-20, 2.0**60 + 2 * 2.0**8]
    assert (above - below > 0).all()
    found = quotient.per(Enclosure(np.ones(3), np.ones(3)), np.array([2.0, 0.0, np.inf]))
    assert found.radius[0] < 1 and (found.radius[1:] == np.inf).all()
    assert central_softmax.best_step(np.array([2.0**60, 0.0]), U64) == 2.0**9


def test_the_rounding_bound_of_a_sample_is_that_of_a_loss_of_one_sample():
    """The same terms as `loss_error`, which counts those that are there: at most L."""
    truth = ball.truth(P)
    near = Enclosure(truth.enclosure("Z").midpoint, np.ones((3, 3)))
    exact = np.zeros((3, 3))
    softmax = bounds.softmax_error(near, exact, exact + 1, precision.FLOAT64, ours=True)
    for i in range(P.n):
        alone = Problem(P.theta, P.b, P.X[:, [i]], P.Y[:, [i]])
        part = bounds.SoftmaxError(
            *(getattr(softmax, name)[:, [i]] for name in ("log_A", "A", "relative", "distance", "lse", "lse_error"))
        )
        one = float(bounds.loss_error(bounds.Folded(alone, precision.FLOAT64), part))
        assert one <= truth.nearby_sample_errors[i] * (1 + 1e-9)
        assert truth.nearby_sample_errors[i] <= 4 * one + 2.0**-1000
    assert (referees.oracle(P).nearby_sample_errors == truth.nearby_sample_errors).all()
