"""Top-k retrieval, on embeddings whose answers can be worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from foley_models import retrieval
from foley_models.retrieval import chance, matches, nearest

LINE = np.array([[0.0], [1.0], [3.0], [7.0]])


def test_the_nearest_come_first() -> None:
    assert nearest(np.array([[0.9], [6.0]]), LINE, 3).tolist() == [[1, 0, 2], [3, 2, 1]]


def test_length_counts_as_in_euclidean_distance_and_not_as_in_a_cosine() -> None:
    assert nearest(np.array([[1.0, 0.0]]), np.array([[5.0, 0.0], [1.0, 0.5]]), 1).tolist() == [[1]]


def test_a_list_shorter_than_k_is_recommended_whole() -> None:
    assert nearest(np.array([[2.9]]), LINE, 10).tolist() == [[2, 1, 0, 3]]
    assert nearest(np.zeros((0, 1)), LINE, 10).shape == (0, 4)


def test_a_sound_is_as_near_as_its_nearest_segment() -> None:
    segments = np.array([[9.0], [2.0], [4.0], [5.0], [8.0]])  # sounds 0: 9, 2; 1: 4; 2: 5, 8
    found = nearest(np.array([[8.2], [4.4]]), segments, 2, starts=np.array([0, 2, 3]))
    assert found.tolist() == [[2, 0], [1, 2]]


def test_many_blocks_give_what_sorting_all_distances_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrieval, "_BLOCK", 37)
    monkeypatch.setattr(retrieval, "_ROWS", 10)
    rng = np.random.default_rng(1)
    starts = np.unique(np.concatenate([[0], rng.integers(1, 2000, 600), [1000, 1100]]))  # one sound is longer than a block
    starts = starts[(starts <= 1000) | (starts >= 1100)]
    pictures, segments = rng.normal(size=(25, 6)), rng.normal(size=(2000, 6))
    apart = np.linalg.norm(pictures[:, None] - segments[None], axis=2)
    wanted = np.argsort(np.minimum.reduceat(apart, starts, axis=1), axis=1)[:, :10]
    assert np.array_equal(nearest(pictures, segments, 10, starts=starts), wanted)


def test_a_network_for_which_everything_is_alike_is_at_chance_even_where_categories_lie_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(retrieval, "_BLOCK", 100)
    categories = [str(number // 20) for number in range(400)]
    found = nearest(np.zeros((400, 3)), np.zeros((400, 3)), 10)
    assert matches(found, [str(number) for number in range(400)], [{str(number)} for number in range(400)]).mean() == 10 / 400
    truth = [{category} for category in categories]
    assert matches(found, categories, truth).mean() == pytest.approx(chance(categories, truth, 10), abs=0.1)


def test_what_is_no_number_is_farthest_and_a_network_that_gives_none_is_at_chance() -> None:
    assert nearest(np.array([[0.9]]), np.array([[0.0], [np.nan], [1.0]]), 2).tolist() == [[2, 0]]
    found = nearest(np.full((50, 2), np.nan), np.full((50, 2), np.nan), 10)
    assert [len(set(top)) for top in found.tolist()] == [10] * 50
    assert found.min() >= 0


def test_one_of_several_true_sounds_is_enough_and_a_sound_without_a_category_matches_none() -> None:
    found = np.array([[0, 1], [2, 3], [2, 3]])
    assert matches(found, ["a", "b", "c", "d"], [{"x", "b"}, {"b"}, set()]).tolist() == [True, False, False]
    assert matches(found, [None, None, "metal", None], [{"metal"}, {"metal"}, set()]).tolist() == [False, True, False]


def test_a_single_item_is_always_found() -> None:
    found = nearest(np.array([[1.0]]), np.array([[-1.0]]), 10)
    assert found.tolist() == [[0]]
    assert chance(["a"], [{"a"}], 10) == 1


@pytest.mark.parametrize(("count", "right", "k"), [(428, 1, 10), (428, 18, 10), (30, 25, 10), (9, 1, 10), (50, 0, 10)])
def test_chance_is_the_hypergeometric_distributions(count: int, right: int, k: int) -> None:
    labels = ["yes"] * right + ["no"] * (count - right)
    missed = math.comb(count - right, min(k, count)) / math.comb(count, min(k, count))
    assert chance(labels, [{"yes"}], k) == pytest.approx(1 - missed, abs=1e-12)


def test_chance_is_the_mean_over_pictures_and_counts_all_their_true_sounds() -> None:
    labels: list[str | None] = ["a", "a", "b", "c", None]
    assert chance(labels, [{"a"}, {"b", "c"}, {"gone"}], 1) == pytest.approx((2 / 5 + 2 / 5 + 0) / 3)
