"""Matrix games: the answers that courses give, and every answer held to the definition."""

import contextlib
import io
import itertools
import math
import pathlib
import re

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon

from kgan.theory import games, known_games, zero_sum
from kgan.theory.dominance import undominated
from kgan.theory.games import MatrixGame

MATCHING_PENNIES = MatrixGame([[1, -1], [-1, 1]])
BATTLE_OF_THE_SEXES = MatrixGame([[2, 0], [0, 1]], [[1, 0], [0, 2]])
# float64 payoffs of order one, a few operations each.
ROUNDING = 1e-12


def random_games(seed, count, integer):
    """Of two to four moves each; integers of 0 to 3 repeat, so that many games are degenerate."""
    generator = np.random.default_rng(seed)
    for _ in range(count):
        shape = (2, *generator.integers(2, 5, size=2))
        draw = generator.integers(0, 4, shape) if integer else generator.normal(size=shape)
        yield MatrixGame(*draw)


def as_lists(equilibria):
    return [(x.tolist(), y.tolist()) for x, y in equilibria]


# The stated answers of the known games


def test_prisoners_dilemma():
    game = known_games.PRISONERS_DILEMMA
    assert games.pure_equilibria(game) == [("confess", "confess")]
    assert as_lists(games.equilibria(game)) == [([1, 0], [1, 0])]
    assert games.expected_payoffs(game, [1, 0], [1, 0]) == (-8, -8)
    assert games.expected_payoffs(game, [0, 1], [0, 1]) == (-1, -1)
    assert undominated(game).row_moves == undominated(game).column_moves == ("confess",)


def test_two_firms():
    game = known_games.TWO_FIRMS
    answer = undominated(game)
    assert answer.row_moves == answer.column_moves == ("betray",)
    assert [step.by for step in answer.eliminated] == [{"betray": 1.0}] * 2
    assert games.pure_equilibria(game) == [("betray", "betray")]
    assert games.expected_payoffs(game, [1, 0], [1, 0]) == (3, 3)


def test_coin_faces():
    """3p - 2(1 - p) = -2p + (1 - p) at p = 3/8, where both are -1/8."""
    game = known_games.COIN_FACES
    assert games.pure_equilibria(game) == []
    value, x, y = zero_sum.solve(game)
    assert value == pytest.approx(-1 / 8, abs=ROUNDING)
    for strategy in (x, y):
        np.testing.assert_allclose(strategy, [3 / 8, 5 / 8], rtol=0, atol=ROUNDING)
    ((x, y),) = games.equilibria(game)
    for strategy in (x, y):
        np.testing.assert_allclose(strategy, [3 / 8, 5 / 8], rtol=0, atol=ROUNDING)


def test_boxed_pigs():
    """Waiting dominates for the small pig; then, and only then, pressing does for the big one."""
    answer = undominated(known_games.BOXED_PIGS)
    assert answer == (
        ("press",),
        ("wait",),
        (("column", "press", {"wait": 1.0}), ("row", "wait", {"press": 1.0})),
    )
    assert games.pure_equilibria(known_games.BOXED_PIGS) == [("press", "wait")]


# Strategies and what they pay


def test_expected_payoffs_are_means_over_moves():
    generator = np.random.default_rng(0)
    for game in random_games(1, 20, integer=False):
        x, y = (generator.dirichlet(np.ones(n)) for n in game.row.shape)
        expected = [0.0, 0.0]
        for (i, p), (j, q) in itertools.product(enumerate(x), enumerate(y)):
            expected[0] += p * q * game.row[i, j]
            expected[1] += p * q * game.column[i, j]
        assert games.expected_payoffs(game, x, y) == pytest.approx(expected, abs=ROUNDING)


def test_deviation_gain_is_the_best_of_all_single_moves():
    """No mixture pays more than its best move, so single moves are all there is to try."""
    generator = np.random.default_rng(2)
    for game in random_games(3, 20, integer=False):
        x, y = (generator.dirichlet(np.ones(n)) for n in game.row.shape)
        now = games.expected_payoffs(game, x, y)
        others = [games.expected_payoffs(game, e, y)[0] - now[0] for e in np.eye(len(x))]
        others += [games.expected_payoffs(game, x, e)[1] - now[1] for e in np.eye(len(y))]
        gain = games.deviation_gain(game, x, y)
        assert gain == pytest.approx(max(others), abs=ROUNDING)
        assert gain > 0.01  # a random pair is no equilibrium


def test_deviation_gain_by_hand():
    game = known_games.TWO_FIRMS
    assert games.deviation_gain(game, [1, 0], [1, 0]) == 2  # 5 instead of 3
    assert games.deviation_gain(game, [0, 1], [0, 1]) == 0
    # One player's loss by leaving never hides the other's gain.
    assert games.deviation_gain(game, [1, 0], [0, 1]) == games.deviation_gain(game, [0, 1], [1, 0])
    assert games.deviation_gain(game, [1, 0], [0, 1]) == 2  # the betrayed: -1 instead of -3


# Equilibria


def test_matching_pennies():
    assert games.pure_equilibria(MATCHING_PENNIES) == []
    (pair,) = games.equilibria(MATCHING_PENNIES)
    value, *solution = zero_sum.solve(MATCHING_PENNIES)
    assert value == pytest.approx(0, abs=ROUNDING)
    np.testing.assert_allclose([pair, solution], np.full((2, 2, 2), 0.5), rtol=0, atol=ROUNDING)


def test_battle_of_the_sexes():
    """Mixed: each makes the other indifferent, 2q = 1 - q and p = 2(1 - p)."""
    assert games.pure_equilibria(BATTLE_OF_THE_SEXES) == [(0, 0), (1, 1)]
    first, mixed, second = games.equilibria(BATTLE_OF_THE_SEXES)
    assert as_lists([first, second]) == [([1, 0], [1, 0]), ([0, 1], [0, 1])]
    np.testing.assert_allclose(mixed, [[2 / 3, 1 / 3], [1 / 3, 2 / 3]], rtol=0, atol=ROUNDING)


def test_equilibria_of_almost_all_games_are_odd_in_number():
    """Wilson (1971). A solver that missed or repeated one would be found out here."""
    counts = set()
    for game in random_games(4, 30, integer=False):
        found = games.equilibria(game)
        counts.add(len(found))
        assert len(found) % 2 == 1
        assert all(games.deviation_gain(game, *pair) < 1e-9 for pair in found)
    assert counts >= {1, 3}


@pytest.mark.slow
def test_equilibria_hold_the_pure_ones_of_degenerate_games():
    ties = 0
    for game in random_games(5, 40, integer=True):
        found = games.equilibria(game)
        assert all(games.deviation_gain(game, *pair) < 1e-9 for pair in found)
        pure = [(int(x.argmax()), int(y.argmax())) for x, y in found if x.max() == y.max() == 1]
        assert sorted(pure) == games.pure_equilibria(game)
        ties += len(found) % 2 == 0
    assert ties > 10  # an even number shows a degenerate game


def test_a_segment_of_equilibria_is_given_by_its_ends():
    """The first row dominates, and in it the second player is indifferent."""
    game = MatrixGame([[1, 1], [0, 0]], [[2, 2], [0, 1]])
    assert as_lists(games.equilibria(game)) == [([1, 0], [1, 0]), ([1, 0], [0, 1])]
    assert games.deviation_gain(game, [1, 0], [0.3, 0.7]) == 0


def test_equal_payoffs_make_every_pair_an_equilibrium():
    game = MatrixGame(np.full((2, 3), 7.0), np.full((2, 3), -1.0))
    assert len(games.pure_equilibria(game)) == len(games.equilibria(game)) == 6
    assert undominated(game).eliminated == ()


@pytest.mark.parametrize("payoffs", [[[1, 4, 4]], [[1], [4], [4]], [[5]]], ids=str)
def test_a_player_may_have_one_move(payoffs):
    game = MatrixGame(payoffs, payoffs)
    found = games.equilibria(game)
    assert len(found) == len(games.pure_equilibria(game)) == max(1, np.size(payoffs) - 1)
    assert all(games.deviation_gain(game, *pair) == 0 for pair in found)


def test_near_equilibria_are_not_taken_for_equilibria(monkeypatch):
    """A tie broken by 1e-6: nashpy alone also returns pairs that somebody would leave."""
    game = MatrixGame([[1, 1], [0, 1 + 1e-6]], [[1, 1 - 1e-6], [0, 1]])
    assert all(games.deviation_gain(game, *pair) < 1e-9 for pair in games.equilibria(game))
    monkeypatch.setattr(games, "_TOLERANCE", math.inf)
    assert any(games.deviation_gain(game, *pair) > 1e-7 for pair in games.equilibria(game))


def test_units_and_origins_of_payoffs_do_not_matter():
    for game in [*random_games(6, 2, integer=False), BATTLE_OF_THE_SEXES]:
        other = MatrixGame(1e-12 * game.row - 3e-12, 1e12 * game.column + 5e12)
        found, moved = games.equilibria(game), games.equilibria(other)
        assert len(found) == len(moved)
        # Payoffs moved by several of their ranges lose a digit or two.
        for pair, other_pair in zip(found, moved, strict=True):
            for strategy, other_strategy in zip(pair, other_pair, strict=True):
                np.testing.assert_allclose(strategy, other_strategy, rtol=0, atol=1e-9)
        assert undominated(game).row_moves == undominated(other).row_moves


# Zero-sum games


@pytest.mark.slow
def test_the_linear_programme_agrees_with_every_equilibrium():
    """In a zero-sum game all equilibria pay the value."""
    for game in [*random_games(7, 15, integer=False), *random_games(8, 15, integer=True)]:
        game = MatrixGame(game.row)
        value, x, y = zero_sum.solve(game)
        assert games.deviation_gain(game, x, y) < 1e-9
        for pair in games.equilibria(game):
            expected = pytest.approx((value, -value), abs=1e-9)
            assert games.expected_payoffs(game, *pair) == expected


def test_large_zero_sum_games_are_solved():
    """The worst of 40 games of this size for HiGHS, which left 7e-8 to gain by its own tolerance.

    With the tolerance of `zero_sum`, 1e-11 is left.
    """
    game = MatrixGame(np.random.default_rng(17).normal(size=(120, 120)))
    value, x, y = zero_sum.solve(game)
    assert games.deviation_gain(game, x, y) < 1e-9 * np.ptp(game.row)
    assert games.expected_payoffs(game, x, y)[0] == value


def test_payoffs_are_scaled_before_they_are_solved(monkeypatch):
    """Matching 5 to 3 at payoffs of 1e-12: the strategies are 3/8 and 5/8 in any unit."""
    game = MatrixGame([[5e-12, 0], [0, 3e-12]])
    np.testing.assert_allclose(zero_sum.solve(game).row, [3 / 8, 5 / 8], rtol=0, atol=ROUNDING)
    monkeypatch.setattr(MatrixGame, "scaled", lambda self: self)
    assert abs(zero_sum.solve(game).row[0] - 3 / 8) > 0.1


# Dominance


def test_only_a_mixture_may_dominate():
    game = MatrixGame([[3, 0], [0, 3], [1, 1]], np.zeros((3, 2)), ["top", "bottom", "safe"])
    (step,) = undominated(game).eliminated
    assert (step.player, step.move) == ("row", "safe")
    assert step.by == pytest.approx({"top": 0.5, "bottom": 0.5}, abs=ROUNDING)
    for single in (0, 1):  # neither move alone does it
        assert (game.row[single] <= game.row[2]).any()


def test_weakly_dominated_moves_stay():
    """The second move is never better, and yet part of equilibria."""
    game = MatrixGame([[1, 1], [1, 0]], [[1, 1], [1, 0]])
    assert undominated(game) == ((0, 1), (0, 1), ())
    assert games.pure_equilibria(game) == [(0, 0), (0, 1), (1, 0)]


@pytest.mark.slow
def test_dominance_removes_no_equilibrium():
    removed = 0
    for game in [*random_games(10, 8, integer=True), *random_games(11, 8, integer=False)]:
        answer = undominated(game)
        removed += len(answer.eliminated)
        rows, columns = list(answer.row_moves), list(answer.column_moves)
        left = np.ix_(rows, columns)
        fewer = games.equilibria(MatrixGame(game.row[left], game.column[left]))
        for (x, y), pair in zip(games.equilibria(game), fewer, strict=True):
            # The lists agree in order, and what is not in `left` has no weight.
            np.testing.assert_allclose(x[rows], pair.row, rtol=0, atol=1e-9)
            np.testing.assert_allclose(y[columns], pair.column, rtol=0, atol=1e-9)
    assert removed > 10


def test_each_step_of_elimination_is_right():
    for game in random_games(12, 10, integer=False):
        left = {"row": list(game.row_moves), "column": list(game.column_moves)}
        for player, move, by in undominated(game).eliminated:
            payoffs = game.row if player == "row" else game.column.T
            opponents = left["column" if player == "row" else "row"]
            mixture = sum(p * payoffs[other] for other, p in by.items())
            assert (mixture - payoffs[move])[opponents].min() > 0
            assert set(by) <= set(left[player]) - {move}
            left[player].remove(move)


@pytest.mark.slow
def test_survivors_do_not_depend_on_the_order_of_moves():
    for game in random_games(13, 8, integer=True):
        backwards = MatrixGame(
            game.row[::-1, ::-1],
            game.column[::-1, ::-1],
            game.row_moves[::-1],
            game.column_moves[::-1],
        )
        answer, other = undominated(game), undominated(backwards)
        assert answer.row_moves == other.row_moves[::-1]
        assert answer.column_moves == other.column_moves[::-1]


# A GAN

each_data = pytest.mark.parametrize("p_data", [[0.5, 0.5], [0.2, 0.8], [0.2, 0.3, 0.5]], ids=str)


@each_data
@pytest.mark.parametrize("levels", [2, 3, 4, 5])
def test_the_value_of_a_gan_is_minus_log_four(p_data, levels):
    game = known_games.gan(p_data, levels)
    nearest = 0 if levels % 2 else 1 / (2 * levels)  # distance of a level from 1/2
    value, d, p_g = zero_sum.solve(game)
    assert value == pytest.approx(math.log(1 / 4 - nearest**2), abs=ROUNDING)
    assert games.deviation_gain(game, d, p_g) < ROUNDING
    assert games.deviation_gain(game, d, p_data) < ROUNDING
    if levels % 2:
        assert value == pytest.approx(-math.log(4), abs=ROUNDING)
        assert dict(zip(game.row_moves, d, strict=True))[(0.5,) * len(p_data)] == 1
        # Too few levels: D's next ones would cost more than a slightly wrong p_g gives away.
        wrong = np.array(p_data) + 0.01 * (np.eye(len(p_data))[0] - np.eye(len(p_data))[1])
        assert games.deviation_gain(game, d, wrong) < ROUNDING
    else:
        np.testing.assert_allclose(p_g, p_data, rtol=0, atol=ROUNDING)


def test_the_value_of_a_gan_rises_to_minus_log_four():
    """-log 4 + log(1 - 1/k^2): twice the levels leave a quarter of the distance."""
    short = [-math.log(4) - zero_sum.solve(known_games.gan([0.5, 0.5], k)).value for k in (8, 16)]
    assert short[0] > short[1] > 0
    assert short[0] / short[1] == pytest.approx(4, abs=0.1)  # 4 (1 + O(1/k^2)): 4.05


def test_the_best_d_of_a_gan_measures_the_divergence():
    """2014, Theorem 1: max_D V = -2 log 2 + 2 JSD, and the levels cost at most e^2 of each D."""
    p_data, p_g = [0.3, 0.7], [0.6, 0.4]
    game = known_games.gan(p_data, 50)
    of_d = game.row @ p_g
    expected = -2 * math.log(2) + 2 * jensenshannon(p_data, p_g) ** 2
    # At most half a level, 0.01, from the best D, where V falls by 0.01^2 / 2 times
    # sum_x (p_data + p_g) / (D (1 - D)) = 8.8.
    assert expected - 5e-4 < of_d.max() <= expected
    best = game.row_moves[of_d.argmax()]
    np.testing.assert_allclose(best, np.divide(p_data, np.add(p_data, p_g)), rtol=0, atol=0.011)


def test_v_is_linear_in_p_g_and_concave_in_d():
    """Why the game has a saddle: mixing costs G nothing and gains D nothing."""
    p_data = np.array([0.3, 0.7])
    game = known_games.gan(p_data, 5)
    d = np.array(game.row_moves)
    p_g = np.array([0.6, 0.4])
    np.testing.assert_allclose(
        game.row @ p_g, np.log(d) @ p_data + np.log(1 - d) @ p_g, rtol=0, atol=ROUNDING
    )
    index = {move: i for i, move in enumerate(game.row_moves)}
    for low, high in itertools.combinations(game.row_moves, 2):
        middle = tuple(np.add(low, high) / 2)
        if middle in index:
            mixture = (game.row[index[low]] + game.row[index[high]]) / 2
            assert (mixture @ p_g) < game.row[index[middle]] @ p_g


# The document


def test_the_document_prints_what_it_says():
    text = (pathlib.Path(__file__).parent.parent / "docs" / "games.md").read_text()
    blocks = re.findall(r"^```(python|text)\n(.*?)^```$", text, re.M | re.S)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec("".join(code for language, code in blocks if language == "python"), {})
    assert printed.getvalue() == "".join(said for language, said in blocks if language == "text")


# The game itself, and what is no game


def test_a_game_is_its_own_and_stays_as_it_is():
    payoffs = np.eye(2)
    game = MatrixGame(payoffs, payoffs)
    payoffs[0, 0] = 9.0
    assert game.row[0, 0] == game.column[0, 0] == 1
    with pytest.raises(ValueError, match="read-only"):
        game.row[0, 0] = 9.0
    assert (MatrixGame([[1, -2]]).column == [[-1, 2]]).all()
    assert (game.row_moves, game.column_moves) == ((0, 1), (0, 1))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([[1, math.nan]],), r"`row`: expected finite numbers, received nan"),
        (([[1, 2]], [[math.inf, 1]]), r"`column`: expected finite numbers, received inf"),
        (([1, 2],), r"`row`: expected 2 dimensions, received shape \(2,\)"),
        (([["a"]],), r"`row`: expected an array of numbers, received \[\['a'\]\]"),
        ((np.zeros((0, 2)),), r"`row`: expected at least one number, received shape \(0, 2\)"),
        (([[1, 2]], [[1], [2]]), r"`column`: expected the shape of `row`, \(1, 2\), received"),
        (
            ([[1, 2]], None, ["a", "b"]),
            r"`row_moves`: expected 1 different names, .*received \('a', 'b'\)",
        ),
        (
            ([[1, 2]], None, None, ["a", "a"]),
            r"`column_moves`: expected 2 different names, .*received \('a', 'a'\)",
        ),
    ],
)
def test_what_is_no_game_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        MatrixGame(*arguments)


@pytest.mark.parametrize("function", [games.expected_payoffs, games.deviation_gain])
@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        ([1, 0, 0], [1, 0], r"`row_strategy`: expected 2 probabilities, .*received shape \(3,\)"),
        ([1, 0], [[1, 0]], r"`column_strategy`: expected 2 probabilities, .*shape \(1, 2\)"),
        ([0.5, 0.6], [1, 0], r"`row_strategy`: expected probabilities that sum to 1 .*received a"),
        ([1, 0], [1.5, -0.5], r"`column_strategy`: expected probabilities, .*received -0\.5"),
    ],
)
def test_what_is_no_strategy_is_refused(function, x, y, message):
    with pytest.raises(ValueError, match=message):
        function(MATCHING_PENNIES, x, y)


def test_the_value_is_refused_to_other_games():
    message = r"`game`: expected payoffs that sum to zero, received a sum of -16\.0 among them"
    with pytest.raises(ValueError, match=message):
        zero_sum.solve(known_games.PRISONERS_DILEMMA)


@pytest.mark.parametrize(
    ("p_data", "levels", "message"),
    [
        ([0.5, 0.6], 2, r"`p_data`: expected probabilities that sum to 1"),
        ([[0.5, 0.5]], 2, r"`p_data`: expected one distribution, .*received shape \(1, 2\)"),
        ([0.5, 0.5], 1, r"`levels`: expected an integer of at least 2, received 1"),
        ([0.5, 0.5], 2.0, r"`levels`: expected an integer of at least 2, received 2\.0"),
    ],
)
def test_what_is_no_gan_is_refused(p_data, levels, message):
    with pytest.raises(ValueError, match=message):
        known_games.gan(p_data, levels)


@pytest.mark.parametrize("name", ["PRISONERS_DILEMMA", "TWO_FIRMS"])
def test_these_games_are_the_same_for_both_players(name):
    game = getattr(known_games, name)
    np.testing.assert_array_equal(game.column, game.row.T)
    assert game.row_moves == game.column_moves
    assert game.row_moves != (0, 1)


def test_one_payoff_that_does_not_cancel_is_enough_to_be_refused():
    with pytest.raises(ValueError, match=r"received a sum of 2\.0 among them"):
        zero_sum.solve(MatrixGame([[1, -1], [-1, 1]], [[-1, 1], [1, 1]]))
