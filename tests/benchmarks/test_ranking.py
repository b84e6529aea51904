"""The ranks of policies under several cost models."""

import itertools
import json

import numpy as np
import pytest

from benchmarks import ranking
from trading_env.backtesting.tracks.track import load_tracks

PATHS = 40


def tables(**means: list[float]) -> dict[str, dict[str, np.ndarray]]:
    """Values by path with these means of three policies, on the same luck."""
    luck = np.random.default_rng(0).normal(size=PATHS)
    luck -= luck.mean()
    return {
        costs: {
            f"policy {k}": mean + luck + 0.01 * np.roll(luck, k) for k, mean in enumerate(values)
        }
        for costs, values in means.items()
    }


def test_kendall_counts_pairs() -> None:
    order = np.arange(5.0)
    assert ranking.kendall(order, order) == 1.0
    assert ranking.kendall(order, -order) == -1.0
    # of the ten pairs of five, one exchange of neighbours turns one: (9 - 1) / 10
    assert ranking.kendall(order, order[[0, 2, 1, 3, 4]]) == pytest.approx(0.8)
    # Knight 1966: 4 agree of 5 untied there and 6 here
    assert ranking.kendall(np.array([1.0, 1, 2, 3]), np.arange(4.0)) == pytest.approx(5 / 30**0.5)
    assert np.isnan(ranking.kendall(np.ones(4), np.arange(4.0)))


def test_its_mean_over_all_orders_is_nothing() -> None:
    orders = np.array(list(itertools.permutations(range(4))), dtype=np.float64)
    assert ranking.kendall(orders, np.arange(4.0)[None]).mean() == pytest.approx(0.0)


def test_what_two_cost_models_turn_is_reversed_and_what_they_share_is_not() -> None:
    found = ranking.ranked(tables(a=[3.0, 2.0, 1.0], b=[3.0, 1.0, 2.0], c=[3.0, 2.0, 2.0]), 1.0)
    shown = {tuple(pair["costs"]): pair for pair in found["pairs"]}
    assert shown["a", "b"]["reversed"] == 1 and shown["a", "b"]["told_apart"] == 3
    assert shown["a", "b"]["tau"] == pytest.approx([1 / 3, 1 / 3, 1 / 3])
    assert shown["a", "c"]["reversed"] == 0 and shown["a", "c"]["told_apart"] == 2
    assert found["steady"]["a"] == 1.0


def test_it_does_not_matter_whether_less_is_better() -> None:
    given = tables(a=[3.0, 2.0, 1.0], b=[3.0, 1.0, 2.0])
    assert ranking.ranked(given, 1.0) == ranking.ranked(given, -1.0)


@pytest.mark.slow
@pytest.mark.parametrize("name", ranking.ARENAS)
def test_policies_meet_the_same_paths_under_every_cost_model(name: str) -> None:
    arena = ranking.ARENAS[name]._replace(is_calm=True)
    costs = {arena.costs[0], arena.costs[-1]}
    found = [ranking.played(arena, 3, each) for each in costs]
    names = set(ranking.policies_of(load_tracks().tracks[arena.track]))
    assert all(set(table) == names for table in found)
    assert all(values.shape == (3,) for table in found for values in table.values())


def test_the_page_is_written_from_the_record() -> None:
    record = json.loads(ranking.PAGE.record.read_text(encoding="utf-8"))
    assert ranking.PAGE.path.read_text(encoding="utf-8") == ranking.page(record)
    for row in record["rows"]:
        arena = ranking.ARENAS[row["arena"]]
        assert tuple(row["scores"]) == arena.costs and len(row["pairs"]) == 10
        for pair in row["pairs"]:
            tau, low, high = pair["tau"]
            assert -1.0 <= low <= tau <= high <= 1.0


def test_equal_scores_share_a_place() -> None:
    scores = {
        "a": [2.0, 1.0, 3.0],
        "b": [1.0, 0.0, 2.0],
        "c": [2.0, 1.0, 3.0],
        "d": [3.0, 2.0, 4.0],
    }
    assert ranking.places(scores, 1.0) == {"a": 2, "b": 4, "c": 2, "d": 1}
    assert ranking.places(scores, -1.0) == {"a": 2, "b": 1, "c": 2, "d": 4}
