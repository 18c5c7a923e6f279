"""The Dirac-GAN: closed forms against differences, simulated play and `kgan.GAN` itself."""

import itertools
import math
import re

import keras
import numpy as np
import pytest
from PIL import Image

import kgan
from examples import dirac
from kgan.theory.dirac import LOSSES, DiracGAN, spectral_radius

GAMES = [DiracGAN(loss, penalty) for loss, penalty in itertools.product(LOSSES, (0.0, 0.3))]
POINTS = np.random.default_rng(0).normal(size=(20, 2))


def distance(points):
    return np.linalg.norm(points, axis=-1)


def jacobian(function, point, h=1e-6):
    """Central differences; their error is of order h^2 and of the rounding 1e-16 / h."""
    steps = h * np.eye(2)
    return np.stack([(function(point + e) - function(point - e)) / (2 * h) for e in steps], axis=-1)


def round_distance(points, matrix):
    """Distance in the coordinates that make a linear spiral round: along a left eigenvector."""
    _, vectors = np.linalg.eig(matrix.T)
    return np.abs(points @ vectors[:, 0]) / np.abs(vectors[0, 0])


@pytest.mark.parametrize("loss", ["minimax", "wasserstein"])
def test_players_follow_the_gradients_of_the_value(loss):
    game = DiracGAN(loss)
    for point in POINTS:
        gradient = jacobian(game.value, point)
        np.testing.assert_allclose(game.field(point), gradient * [-1, 1], atol=1e-9)


def test_non_saturating_generator_descends_its_own_loss_and_the_penalty_is_the_discriminators():
    def losses(point):  # -log D(theta), and V less the penalty
        theta, psi = point
        logit = keras.ops.convert_to_tensor(psi * theta)
        generator = -keras.ops.convert_to_numpy(keras.ops.log_sigmoid(logit))
        return np.array([-generator, DiracGAN().value(point) - 0.3 / 2 * psi**2])

    game = DiracGAN("non_saturating", penalty=0.3)
    for point in POINTS:
        np.testing.assert_allclose(game.field(point), np.diag(jacobian(losses, point)), atol=1e-9)


def test_value_is_minus_log_4_at_the_equilibrium_and_finite_far_from_it():
    assert DiracGAN().value([0, 0]) == pytest.approx(-math.log(4), abs=1e-15)
    far = np.array([[1e4, 1.0], [1e4, -1.0]])
    np.testing.assert_allclose(DiracGAN().value(far), [-math.log(2) - 1e4, -math.log(2)])
    assert (np.abs(DiracGAN("non_saturating").field(far)) <= 1e4).all()


@pytest.mark.parametrize("game", GAMES, ids=str)
def test_jacobian_and_eigenvalues(game):
    np.testing.assert_allclose(game.jacobian(), jacobian(game.field, np.zeros(2)), atol=1e-9)
    numerical = np.linalg.eigvals(game.jacobian())
    np.testing.assert_allclose(np.sort(game.eigenvalues()), np.sort(numerical), atol=1e-12)


@pytest.mark.parametrize("game", GAMES, ids=str)
@pytest.mark.parametrize("k", [1, 3])
def test_jacobians_of_a_round(game, k):
    def simultaneous(point):
        return game.simultaneous(point, 1, 0.2)[-1]

    def alternating(point):
        return game.alternating(point, 1, 0.2, k)[-1]

    for closed, play in [
        (game.simultaneous_jacobian(0.2), simultaneous),
        (game.alternating_jacobian(0.2, k), alternating),
    ]:
        np.testing.assert_allclose(closed, jacobian(play, np.zeros(2)), atol=1e-9)


def test_eigenvalues_without_and_with_a_penalty():
    """+-i/2 without one; -gamma/2 +- sqrt(gamma^2/4 - 1/4) with it, slowest to fall but at 1."""
    np.testing.assert_allclose(DiracGAN().eigenvalues(), [0.5j, -0.5j])
    np.testing.assert_allclose(DiracGAN(penalty=0.6).eigenvalues(), [-0.3 + 0.4j, -0.3 - 0.4j])
    np.testing.assert_allclose(DiracGAN(penalty=1.0).eigenvalues(), [-0.5, -0.5])
    slower = [DiracGAN(penalty=gamma).eigenvalues().real.max() for gamma in (0.5, 1.0, 2.0)]
    assert slower[1] < min(slower[0], slower[2])


def test_the_flow_keeps_its_distance_without_a_penalty():
    flow = DiracGAN().flow(POINTS, np.linspace(0, 50, 11))
    assert flow.shape == (11, 20, 2)
    np.testing.assert_array_equal(flow[0], POINTS)
    np.testing.assert_allclose(distance(flow) / distance(POINTS), 1, atol=1e-8)
    assert distance(flow[-1] - POINTS).min() > 0  # and yet it moved


def test_the_flow_falls_at_the_rate_of_its_eigenvalues_with_a_penalty():
    game, times = DiracGAN(penalty=0.6), np.linspace(0, 15, 16)
    distances = round_distance(game.flow([1e-4, 0], times), game.jacobian())
    np.testing.assert_allclose(distances, 1e-4 * np.exp(-0.3 * times), rtol=1e-6)


def test_the_non_saturating_flow_falls_like_one_over_the_root_of_time():
    """Averaged over a turn d(r^2)/dt = -r^4/8, hence 1/r^2 = 1/r_0^2 + t/8."""
    times = np.array([0.0, 500.0, 1500.0])
    squares = distance(DiracGAN("non_saturating").flow([0.5, 0], times)) ** 2
    np.testing.assert_allclose(1 / squares, 4 + times / 8, rtol=2e-3)


@pytest.mark.parametrize("h", [0.01, 0.1, 1.0])
def test_simultaneous_play_diverges_at_any_learning_rate(h):
    path = DiracGAN().simultaneous(POINTS, 100, h)
    logit = path[:-1].prod(axis=-1)
    growth = 1 + (h / (1 + np.exp(-logit))) ** 2
    np.testing.assert_allclose((distance(path[1:]) / distance(path[:-1])) ** 2, growth, rtol=1e-12)

    radius = spectral_radius(DiracGAN().simultaneous_jacobian(h))
    assert radius == pytest.approx(math.sqrt(1 + h**2 / 4), rel=1e-12)
    steps = 50
    near = distance(DiracGAN().simultaneous([1e-6, 0], steps, h))
    np.testing.assert_allclose(near[-1] / near[0], radius**steps, rtol=1e-7)


def test_simultaneous_non_saturating_play_ends_on_a_circle():
    """Growth h^2/4 of r^2 and fall h r^2/8 a round balance at r^2 = 2 h, up to order h."""
    h = 0.05
    path = DiracGAN("non_saturating").simultaneous([[0.1, 0], [0.9, 0]], 12_000, h)
    np.testing.assert_allclose(distance(path[-1]), math.sqrt(2 * h), rtol=2 * h)


@pytest.mark.parametrize(("loss", "s"), [("minimax", 0.5), ("wasserstein", 1.0)])
@pytest.mark.parametrize("k", [1, 3])
def test_alternating_play_circles_on_closed_ellipses(loss, s, k):
    """With a = k h s and b = h s, a round keeps a theta^2 - a b theta psi + b psi^2."""
    h = 0.2
    game = DiracGAN(loss)
    eigenvalues = np.linalg.eigvals(game.alternating_jacobian(h, k))
    np.testing.assert_allclose(np.abs(eigenvalues), 1, atol=1e-12)
    theta, psi = game.alternating([1e-3, 0], 5000, h, k).T
    a, b = k * h * s, h * s
    ellipse = a * theta**2 - a * b * theta * psi + b * psi**2
    # The minimax game is linear up to psi theta / 4, here 2.5e-7 a round, of either sign.
    np.testing.assert_allclose(ellipse / ellipse[0], 1, atol=1e-5)
    assert theta.min() < -0.9e-3  # it went around


def test_alternating_play_leaves_the_circle_when_steps_are_too_long():
    for k in (1, 4):
        limit = math.sqrt(16 / k)  # k h^2 s^2 = 4
        game = DiracGAN()
        assert spectral_radius(game.alternating_jacobian(0.99 * limit, k)) == pytest.approx(1)
        assert spectral_radius(game.alternating_jacobian(1.01 * limit, k)) > 1.1


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("k", [1, 3])
def test_with_r1_play_converges_at_the_predicted_rate(loss, k):
    h, steps = 0.1, 400
    game = DiracGAN(loss, penalty=0.3)
    for play, matrix in [
        (game.simultaneous([1e-4, 0], steps, h), game.simultaneous_jacobian(h)),
        (game.alternating([1e-4, 0], steps, h, k), game.alternating_jacobian(h, k)),
    ]:
        radius = spectral_radius(matrix)
        assert radius == pytest.approx(math.sqrt(np.linalg.det(matrix)), rel=1e-12)  # a spiral
        # The game is linear up to psi theta / 4, here less than 1e-8.
        shrinking = round_distance(play, matrix)
        np.testing.assert_allclose(shrinking, 1e-4 * radius ** np.arange(steps + 1), rtol=1e-6)
        assert distance(play[-1]) < 0.05 * distance(play[0])
    free = DiracGAN(loss)
    assert spectral_radius(free.simultaneous_jacobian(h)) > 1
    assert spectral_radius(free.alternating_jacobian(h, k)) == pytest.approx(1, abs=1e-12)


def test_simultaneous_play_needs_enough_penalty():
    """The modulus passes 1 at gamma = h s^2: h/4."""
    h = 0.4
    radius = [
        spectral_radius(DiracGAN(penalty=share * h / 4).simultaneous_jacobian(h))
        for share in (0.9, 1.0, 1.1)
    ]
    assert radius[0] > 1 > radius[2]
    assert radius[1] == pytest.approx(1, abs=1e-12)


class Point(keras.Model):
    """G(z) = theta, whatever z."""

    def build(self, input_shape):
        self.theta = self.add_weight(shape=(1,), initializer="ones")

    def call(self, latents, training=False):
        return keras.ops.zeros_like(latents[:, :1]) + self.theta

    def compute_output_shape(self, input_shape):
        return (input_shape[0], 1)


class Slope(keras.Model):
    """o(x) = psi x."""

    def build(self, input_shape):
        self.psi = self.add_weight(shape=(1,), initializer="ones")

    def call(self, points, training=False):
        return self.psi * points


class Path(keras.callbacks.Callback):
    def __init__(self, gan):
        super().__init__()
        self.players = gan.generator, gan.discriminator
        self.points = []

    def _note(self):
        self.points.append([float(player.trainable_variables[0][0]) for player in self.players])

    def on_train_begin(self, logs=None):
        self._note()

    def on_train_batch_end(self, batch, logs=None):
        self._note()


def played_by_keras(game, k, start, steps, learning_rate):
    gan = kgan.GAN(Point(), Slope(), kgan.priors.Uniform(1), discriminator_steps=k)
    sgd = keras.optimizers.SGD
    penalties = kgan.penalties.R1(game.penalty) if game.penalty else None
    gan.compile(sgd(learning_rate), sgd(learning_rate), loss=game.loss, penalties=penalties)
    for player, value in zip((gan.generator, gan.discriminator), start, strict=True):
        player.trainable_variables[0].assign([value])
    path = Path(gan)
    data = np.zeros((4 * k * steps, 1), "float32")
    gan.fit(data, batch_size=4 * k, verbose=0, callbacks=[path])
    return np.array(path.points)


@pytest.mark.parametrize(
    ("loss", "penalty", "k"),
    [
        ("minimax", 0.0, 1),
        ("minimax", 0.0, 3),
        ("non_saturating", 0.0, 1),
        ("non_saturating", 0.0, 3),
        ("minimax", 0.3, 3),
        ("non_saturating", 0.3, 1),
        ("wasserstein", 0.3, 3),
    ],
)
def test_kgan_plays_the_dirac_gan_as_the_theory_says(loss, penalty, k):
    game, start, steps, h = DiracGAN(loss, penalty), [1.0, 0.5], 30, 0.3
    theory = game.alternating(start, steps, h, k)
    keras_path = played_by_keras(game, k, start, steps, h)
    # float32 rounds to 6e-8; thirty rounds on a path of length 10 add to less than 1e-5.
    np.testing.assert_allclose(keras_path, theory, atol=1e-5)
    assert np.abs(keras_path - game.simultaneous(start, steps, h)).max() > 0.1


def test_the_example_measures_and_draws(tmp_path, capsys):
    dirac.run(tmp_path)
    rows = re.findall(r"predicted ([\d.]+), measured ([\d.]+)", capsys.readouterr().out)
    predicted, measured = np.array(rows, float).T
    np.testing.assert_allclose(predicted, [1.0198, 1, 0.9381], atol=1e-4)
    # Ellipses end up to sqrt(1 + h/2) nearer or farther than they began, over 300 rounds.
    np.testing.assert_allclose(measured, predicted, atol=1e-3)
    with Image.open(tmp_path / "dirac.png") as picture:
        assert picture.size == (960, 720)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: DiracGAN("hinge"), r"`loss`: expected one of 'minimax', .*received 'hinge'"),
        (lambda: DiracGAN(penalty=-1), r"`penalty`: expected a finite number of at least 0.*-1"),
        (lambda: DiracGAN(penalty="a"), r"`penalty`: expected a finite number.*received 'a'"),
        (lambda: DiracGAN().value(3.0), r"`point`: expected \(theta, psi\) along the last axis"),
        (lambda: DiracGAN().field([1, 2, 3]), r"`point`: .* received shape \(3,\)"),
        (lambda: DiracGAN().field([np.nan, 0]), r"`point`: expected finite numbers"),
        (lambda: DiracGAN().flow([1, 0], [1, 0.5]), r"`times`: expected increasing times, none"),
        (lambda: DiracGAN().flow([1, 0], [0]), r"`times`: expected increasing .* the last after"),
        (lambda: DiracGAN().flow([1, 0], [-1, 0.5]), r"`times`: expected increasing times, none"),
        (lambda: DiracGAN().simultaneous([1, 0], 0, 0.1), r"`steps`: expected a positive integer"),
        (lambda: DiracGAN().simultaneous([1], 1, 0.1), r"`start`: expected \(theta, psi\)"),
        (lambda: DiracGAN().simultaneous([1, 0], 1, np.inf), r"`learning_rate`: expected a finite"),
        (lambda: DiracGAN().alternating([1, 0], 1, 0.1, True), r"`discriminator_steps`: .* True"),
        (lambda: spectral_radius(np.ones((2, 3))), r"`matrix`: expected a square matrix"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
