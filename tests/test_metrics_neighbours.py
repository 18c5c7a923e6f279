"""Nearest neighbours against scikit-learn's trees and by hand; the checks of every metric."""

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from kgan.metrics import checks, neighbours
from kgan.metrics.neighbours import nearest


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("k", [1, 3])
def test_the_same_neighbours_as_a_tree_finds(dtype, k):
    """A k-d tree measures differences: an independent way to the same answer."""
    rng = np.random.default_rng(0)
    queries, references = rng.normal(size=(211, 7)), rng.normal(size=(307, 7))
    queries, references = queries.astype(dtype), references.astype(dtype)
    tree = NearestNeighbors(n_neighbors=k, algorithm="kd_tree").fit(references.astype(float))
    expected, where = tree.kneighbors(queries.astype(float))
    distances, indices = nearest(queries, references, k)
    np.testing.assert_array_equal(indices, where)
    # Both sum d = 7 squares in float64, in another order.
    np.testing.assert_allclose(distances, expected, rtol=1e-14)
    assert distances.dtype == np.float64
    assert indices.dtype == np.int64


def test_a_copy_is_at_distance_zero_far_from_the_origin():
    """||x||^2 - 2 x.y + ||y||^2 alone is off by some 0.1 here (measured)."""
    rng = np.random.default_rng(0)
    rows = 1e5 + rng.normal(size=(50, 784))
    distances, indices = nearest(rows, rows, 2)
    assert (distances[:, 0] == 0).all()
    assert (distances[:, 1] > 1).all()
    np.testing.assert_array_equal(indices[:, 0], np.arange(50))
    search = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(rows)
    assert search.kneighbors(rows)[0].max() > 0


def test_a_row_is_no_neighbour_of_itself_but_its_copies_are():
    rows = np.array([[0.0], [1.0], [1.0], [5.0]])
    distances, indices = nearest(rows, rows, 2, exclude_self=True)
    np.testing.assert_array_equal(distances, [[1, 1], [0, 1], [0, 1], [4, 4]])
    assert indices[1, 0] == 2
    assert indices[2, 0] == 1
    assert set(indices[1]) == {0, 2}
    _, kept = nearest(rows, rows, 1)
    np.testing.assert_array_equal(kept[[0, 3], 0], [0, 3])


def test_more_copies_than_neighbours_never_return_the_row_itself():
    rows = np.concatenate([np.ones((20, 3)), np.zeros((1, 3))])
    distances, indices = nearest(rows, rows, 4, exclude_self=True)
    assert (indices != np.arange(21)[:, None]).all()
    assert (distances[:20] == 0).all()
    np.testing.assert_allclose(distances[20], np.sqrt(3))


def test_blocks_change_nothing(monkeypatch):
    rng = np.random.default_rng(0)
    queries, references = rng.normal(size=(29, 5)), rng.normal(size=(31, 5))
    whole = nearest(queries, references, 3)
    monkeypatch.setattr(neighbours, "_BLOCK", 1)
    for one, other in zip(whole, nearest(queries, references, 3), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"k": 0}, r"`k`: expected an integer from 1 to 4, received 0"),
        ({"k": 5}, r"`k`: expected an integer from 1 to 4, received 5"),
        ({"k": True}, r"`k`: expected an integer from 1 to 4, received True"),
        ({"k": 4, "exclude_self": True}, r"`k`: expected an integer from 1 to 3, received 4"),
        ({"references": np.ones((3, 2)), "exclude_self": True}, r"`references`: .*themselves"),
        ({"references": np.ones((4, 3))}, r"`references`: expected rows of size 2, as `queries`"),
    ],
)
def test_unusable_arguments_are_named(options, message):
    rows = np.arange(8.0).reshape(4, 2)
    with pytest.raises(ValueError, match=message):
        nearest(**{"queries": rows, "references": rows, **options})


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.ones(3), r"`x`: expected shape \[n, d\], received shape \(3,\)\. Flatten"),
        (np.ones((3, 2, 2, 1)), r"`x`: expected shape \[n, d\], .* Flatten images with"),
        (np.ones((3, 0)), r"`x`: expected shape \[n, d\]"),
        (np.ones((1, 2)), r"`x`: expected at least 2 rows, received shape \(1, 2\)\. Pass more"),
        ([[0.0, np.nan], [0, 0]], r"`x`: expected finite numbers, received nan"),
        ([[0.0, -np.inf], [0, 0]], r"`x`: expected finite numbers, received -inf"),
        ([["a", "b"]] * 2, r"`x`: expected an array of numbers, received dtype"),
        (np.ones((2, 2), complex), r"`x`: expected an array of numbers, received dtype complex"),
    ],
)
def test_unusable_samples_are_named(value, message):
    with pytest.raises(ValueError, match=message):
        checks.samples("x", value, 2)


@pytest.mark.parametrize(
    ("given", "kept"), [("float32", "float32"), ("float16", "float64"), ("uint8", "float64")]
)
def test_samples_are_float32_or_float64(given, kept):
    assert checks.samples("x", np.ones((2, 2), given)).dtype == kept
