"""Games that take time, held to plays of every plan and every deviation."""

import itertools

import numpy as np
import pytest

from kgan.theory import known_games, sequential
from kgan.theory.games import MatrixGame

# Players in a chain


def play(payoffs, goes_on, first=0):
    """What each player gets from player `first` on."""
    stops = [k for k in range(first, len(goes_on)) if not goes_on[k]]
    return payoffs[stops[0] if stops else len(goes_on)]


def is_subgame_perfect(payoffs, goes_on):
    """No player would rather do the other thing when their turn comes."""
    for player in range(len(goes_on)):
        other = list(goes_on)
        other[player] = not other[player]
        if play(payoffs, other, player)[player] > play(payoffs, goes_on, player)[player]:
            return False
    return True


def lions_story(n, eaters):
    """What becomes of each lion if the first `eaters` eat, told meal by meal."""
    state = ["hungry"] * n
    sleeper = None  # first the sheep, which is no lion
    for lion in range(eaters):
        if sleeper is not None:
            state[sleeper] = "eaten"
        state[lion], sleeper = "fed", lion
    return [{"eaten": -1, "hungry": 0, "fed": 1}[s] for s in state]


@pytest.mark.parametrize("n", range(1, 9))
def test_the_lions_plan_is_the_one_that_no_lion_would_leave(n):
    """Of all 2^n plans."""
    payoffs = [lions_story(n, eaters) for eaters in range(n + 1)]
    plans = itertools.product([False, True], repeat=n)
    assert [p for p in plans if is_subgame_perfect(payoffs, p)] == [sequential.hungry_lions(n)]


def test_the_first_lion_eats_if_and_only_if_the_lions_are_odd():
    for n in range(1, 31):
        assert sequential.hungry_lions(n)[0] == (n % 2 == 1)
        assert sequential.hungry_lions(n)[1:] == (sequential.hungry_lions(n - 1) if n > 1 else ())


def test_backward_induction_finds_the_one_plan_of_random_chains():
    generator = np.random.default_rng(0)
    for _ in range(50):
        n = int(generator.integers(1, 7))
        payoffs = generator.normal(size=(n + 1, n))  # no ties, so one plan
        plans = itertools.product([False, True], repeat=n)
        perfect = [plan for plan in plans if is_subgame_perfect(payoffs, plan)]
        assert perfect == [sequential.backward_induction(payoffs)]


def test_who_has_nothing_to_gain_stops():
    assert sequential.backward_induction([[1], [1]]) == (False,)
    assert sequential.backward_induction([[1], [1.5]]) == (True,)


# The repeated game


def worth(game, discount, history_is_clean, first_move, rounds=3000):
    """The first player's discounted sum: one move of choice, then both play the grim trigger.

    0 is to cooperate, 1 to betray. At a discount of 0.98 what is left after 3,000 rounds is 1e-26.
    """
    total = 0.0
    for t in range(rounds):
        plan = 0 if history_is_clean else 1
        mine, yours = (first_move if t == 0 else plan), plan
        total += discount**t * game.row[mine, yours]
        history_is_clean &= mine == yours == 0
    return total


def is_sustained(game, discount):
    """Nobody gains by leaving the trigger once, before and after a betrayal.

    That suffices: where no single deviation gains, no longer one does (Blackwell 1965).
    """
    return worth(game, discount, True, 1) <= worth(game, discount, True, 0) and worth(
        game, discount, False, 0
    ) <= worth(game, discount, False, 1)


def symmetric(temptation, reward, punishment, sucker):
    row = np.array([[reward, sucker], [temptation, punishment]])
    return MatrixGame(row, row.T)


def test_two_firms_cooperate_from_one_third_on():
    """(5 - 3) / (5 - (-1))."""
    critical = sequential.critical_discount(known_games.TWO_FIRMS, "cooperate")
    assert critical == pytest.approx(1 / 3, abs=1e-15)
    assert is_sustained(known_games.TWO_FIRMS, critical + 1e-3)
    assert not is_sustained(known_games.TWO_FIRMS, critical - 1e-3)


def test_prisoners_deny_from_one_eighth_on():
    """(0 - (-1)) / (0 - (-8)); the sustained move is named second."""
    game = known_games.PRISONERS_DILEMMA
    assert sequential.critical_discount(game, "deny") == 1 / 8


def test_the_critical_discount_divides_all_such_games():
    generator = np.random.default_rng(1)
    for _ in range(10):
        game = symmetric(*np.sort(generator.normal(size=4))[::-1])
        critical = sequential.critical_discount(game, 0)
        assert is_sustained(game, critical + 0.01 * (1 - critical))
        assert not is_sustained(game, 0.99 * critical)


def test_an_unknown_end_weighs_the_future_like_a_discount():
    """Each round is paid in full; there are n of them with probability (1 - d) d^(n - 1)."""
    game, d, rounds = known_games.TWO_FIRMS, 0.6, 200
    lengths = np.arange(1, rounds + 1)
    chance = (1 - d) * d ** (lengths - 1)  # 0.6^200 = 4e-45 is left out
    for first_move in (0, 1):
        paid = [worth(game, 1.0, True, first_move, n) for n in lengths]
        expected = worth(game, d, True, first_move)
        assert chance @ paid == pytest.approx(expected, abs=1e-12)


def test_a_known_end_leaves_betrayal_alone():
    """In the last round betrayal pays more however much the future would weigh."""
    game = known_games.TWO_FIRMS
    assert is_sustained(game, 0.98)
    assert worth(game, 0.98, True, 1, rounds=1) > worth(game, 0.98, True, 0, rounds=1)


# Bad input


@pytest.mark.parametrize("n", [0, -1, 1.0, True, "2"])
def test_the_number_of_lions_is_checked(n):
    with pytest.raises(ValueError, match=rf"`n`: expected a positive integer, received {n!r}\."):
        sequential.hungry_lions(n)


@pytest.mark.parametrize(
    ("payoffs", "message"),
    [
        ([[1, 2], [3, 4]], r"`payoffs`: expected one row more than columns, .*shape \(2, 2\)"),
        ([[1.0], [np.nan]], r"`payoffs`: expected finite numbers, received nan"),
        ([1, 2], r"`payoffs`: expected 2 dimensions, received shape \(2,\)"),
    ],
)
def test_the_payoffs_of_a_chain_are_checked(payoffs, message):
    with pytest.raises(ValueError, match=message):
        sequential.backward_induction(payoffs)


@pytest.mark.parametrize(
    ("game", "cooperate", "message"),
    [
        (MatrixGame(np.eye(3), np.eye(3)), 0, r"`game`: expected a symmetric game of two moves"),
        (known_games.BOXED_PIGS, "wait", r"`game`: expected a symmetric game .*received row="),
        (
            MatrixGame([[3, -3], [5, -1]], [[3, 5], [-3, -1]], ["a", "b"], ["c", "d"]),
            "a",
            r"`game`: expected a symmetric game .*same names, .*\('c', 'd'\)",
        ),
        (known_games.TWO_FIRMS, "share", r"`cooperate`: expected one of .*received 'share'"),
        (
            known_games.TWO_FIRMS,
            "betray",
            r"`game`: expected payoffs T > R > P >= S, received T=-3",
        ),
        (symmetric(3, 3, 1, 0), 0, r"T > R > P >= S, received T=3.0, R=3.0, P=1.0, S=0.0"),
        (symmetric(5, 1, 1, 0), 0, r"T > R > P >= S, received T=5.0, R=1.0, P=1.0, S=0.0"),
        (symmetric(5, 3, 1, 2), 0, r"T > R > P >= S, received T=5.0, R=3.0, P=1.0, S=2.0"),
    ],
)
def test_what_no_trigger_sustains_is_refused(game, cooperate, message):
    with pytest.raises(ValueError, match=message):
        sequential.critical_discount(game, cooperate)
