from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from pattern_oracle import diffuse, faint_column, plain_features, prototype, wide_band
from sklearn.metrics import cohen_kappa_score, f1_score
from subprobe.data.errors import DataFileError
from subprobe.probes.patterns import synthetic
from subprobe.probes.patterns.classes import PATTERNS
from subprobe.probes.patterns.feature_names import FEATURES
from subprobe.probes.patterns.features import map_features
from subprobe.probes.patterns.generator import (
    PARTS,
    SHARES,
    synthetic_map,
    synthetic_maps,
    visible_ranges,
)
from subprobe.probes.patterns.network import PatternClassifier, shipped_classifier
from subprobe.probes.patterns.rules import mass_shares, rule_patterns
from subprobe.probes.patterns.scores import cohen_kappa, expected_calibration_error, macro_f1

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def fresh():
    """Features and patterns of maps that no seed of the training drew."""
    return synthetic.synthetic_features(1000, seed=424_242)


def probabilities(features):
    return shipped_classifier().probabilities(torch.from_numpy(features)).numpy()


def test_fresh_synthetic_maps_of_every_length_are_told_apart(fresh):
    assert fresh.length.min() == 8
    assert fresh.length.max() >= 120
    found = probabilities(fresh.features).argmax(1)
    scored = f1_score(fresh.pattern, found, average="macro")
    assert scored >= 0.92
    assert macro_f1(fresh.pattern, found) == pytest.approx(scored, abs=1e-12)


def test_probabilities_are_calibrated_on_fresh_synthetic_maps(fresh):
    found = probabilities(fresh.features)
    assert expected_calibration_error(found, fresh.pattern) < 0.03
    sure = found.max(1) >= shipped_classifier().threshold
    assert (found.argmax(1) == fresh.pattern)[sure].mean() > 0.98
    assert sure.mean() > 0.75


def test_what_is_said_about_the_shipped_classifier_is_in_its_files():
    report = shipped_classifier().meta["report"]
    assert report["macro_f1"] >= 0.94
    assert report["ece"] < report["ece_before_temperature"]
    assert shipped_classifier().meta["calibrated"] == "for synthetic maps only"
    from importlib.resources import files

    folder = files("subprobe.data").joinpath("resources", "patterns")
    stored = json.loads(folder.joinpath("report.json").read_text("utf-8"))
    assert stored["report"] == report
    table = [line.split(",") for line in
             folder.joinpath("confusion.csv").read_text("utf-8").splitlines()]  # fmt: skip
    counts = np.array([row[1:] for row in table[1:]], dtype=int)
    assert counts.sum() == stored["maps"]["held_out"]
    assert np.trace(counts) / counts.sum() == pytest.approx(report["accuracy"], abs=1e-4)
    assert len(folder.joinpath("classifier.safetensors").read_bytes()) < 100_000


@pytest.mark.parametrize("pattern", PATTERNS)
def test_prototypes_of_an_independent_recipe_are_classified_right(pattern):
    maps = [prototype(pattern, n, seed) for n in (12, 16, 24, 40, 64, 100) for seed in range(5)]
    classify = shipped_classifier().classify
    found = [int(classify(torch.from_numpy(one)[None]).argmax()) for one in maps]
    assert np.mean(np.array(found) == PATTERNS.index(pattern)) >= 0.95


@pytest.mark.parametrize(
    ("draw", "pattern", "lengths", "least"),
    [
        (faint_column, "vertical", (12, 16), 0.8),
        (wide_band, "diagonal", (12, 16, 24, 40, 64, 100), 0.95),
        (diffuse, "heterogeneous", (12, 16, 24, 40, 64, 100), 0.95),
    ],
)
def test_maps_of_early_layers_are_what_the_definitions_say(draw, pattern, lengths, least):
    maps = [draw(n, seed) for n in lengths for seed in range(20)]
    classify = shipped_classifier().classify
    found = [int(classify(torch.from_numpy(one)[None]).argmax()) for one in maps]
    assert np.mean(np.array(found) == PATTERNS.index(pattern)) >= least


@pytest.mark.parametrize("n", [8, 9, 17, 40])
def test_features_agree_with_loops(n):
    maps = [synthetic_map(np.random.default_rng([n, k]), k, length=n).weights for k in range(5)]
    found = map_features(torch.from_numpy(np.stack(maps))).numpy()
    assert found.shape == (5, len(FEATURES))
    for one, grid in zip(found, maps, strict=True):
        np.testing.assert_allclose(one, plain_features(grid), atol=1e-9)


def test_features_do_not_depend_on_scale_or_company():
    maps = torch.from_numpy(np.stack([prototype(p, 20, 3) for p in PATTERNS]))
    alone = torch.cat([map_features(one[None]) for one in maps])
    torch.testing.assert_close(map_features(maps), alone, rtol=0, atol=1e-13)
    torch.testing.assert_close(map_features(7.5 * maps), alone, rtol=0, atol=1e-12)


def test_known_values_of_the_plainest_maps():
    n = 12
    named = {name: k for k, name in enumerate(FEATURES)}
    uniform, identity = map_features(torch.stack([torch.full((n, n), 1 / n), torch.eye(n)])).numpy()
    assert uniform[named["column_entropy"]] == pytest.approx(1)
    assert uniform[named["row_variation"]] == pytest.approx(0)
    np.testing.assert_allclose(uniform[named["grid_0_0"] :], np.log(2))  # density 1 everywhere
    assert identity[named["diagonal_+0"]] == pytest.approx(1)
    assert identity[named["row_entropy"]] == pytest.approx(0)
    assert identity[named["distance"]] == pytest.approx(0)


def test_synthetic_maps_are_what_they_say():
    maps = synthetic_maps(60, seed=5)
    again = synthetic_maps(10, seed=5, first=20)
    for one, other in zip(maps[20:30], again, strict=True):
        np.testing.assert_array_equal(one.weights, other.weights)
    for k, one in enumerate(maps):
        assert one.pattern == k % len(PATTERNS)
        assert (one.weights >= 0).all()
        sums = one.weights.sum(1)
        assert one.norm or np.allclose(sums, 1)
    assert any(one.norm for one in maps)
    assert not all(one.norm for one in maps)
    assert set(SHARES) == set(PATTERNS)


def test_synthetic_maps_are_as_long_as_sentences():
    lengths = [len(one.weights) for one in synthetic_maps(400, seed=6)]
    assert 14 <= np.median(lengths) <= 30
    assert min(lengths) >= 8
    assert 100 < max(lengths) <= 128


@pytest.mark.parametrize("n", [8, 12, 24, 60, 128])
def test_no_map_has_parts_that_two_patterns_share(n):
    """The same parts: a share of columns or band belongs to one pattern, or to none."""
    for seed in range(20):
        rng = np.random.default_rng([n, seed])
        parts = {name: draw(rng, n) for name, draw in PARTS.items()}
        ranges = {pattern: visible_ranges(pattern, parts) for pattern in PATTERNS}
        for limits in ranges.values():
            assert all(0 <= low < high <= 1 for low, high in limits.values())
        column, band = ({p: limits[part] for p, limits in ranges.items()}
                        for part in ("columns", "band"))  # fmt: skip
        assert column["vertical"][0] > column["heterogeneous"][1]
        assert column["vertical+diagonal"][0] >= column["diagonal"][1]
        assert band["diagonal"][0] > band["heterogeneous"][1]
        assert band["vertical+diagonal"][0] > band["vertical"][1]


def test_a_column_needs_less_mass_in_a_longer_map():
    def column_range(n, pattern):
        parts = {name: np.full((n, n), 1 / n) for name in PARTS}
        parts["columns"] = np.eye(n)[[0] * n]
        parts["band"] = np.eye(n)
        return visible_ranges(pattern, parts)["columns"]

    # 2.5 times a token's share in a uniform map at least, and 1.25 times at most
    assert [column_range(n, "vertical")[0] for n in (10, 20, 50)] == [0.25, 0.125, 0.1]
    assert [column_range(n, "heterogeneous")[1] for n in (5, 10, 50)] == [0.2, 0.125, 0.025]


def test_rules_know_clear_maps_and_their_shares():
    n = 20
    column = torch.zeros(n, n).index_fill_(1, torch.tensor([0]), 1.0)
    half = torch.block_diag(torch.ones(10, 10), torch.ones(10, 10))
    maps = torch.stack([column, torch.eye(n), column + torch.eye(n), half, torch.ones(n, n)])
    assert [PATTERNS[k] for k in rule_patterns(maps)] == list(PATTERNS)
    shares = mass_shares(maps).numpy()
    np.testing.assert_allclose(shares[0], [1, 0, 0], atol=1e-9)
    np.testing.assert_allclose(shares[1, 1:], [1, 1], atol=1e-9)
    np.testing.assert_allclose(shares[3, [0, 2]], [0, 1], atol=1e-9)
    np.testing.assert_allclose(shares[4], 0, atol=1e-9)


def test_kappa_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    first = rng.integers(0, 5, 300)
    second = np.where(rng.random(300) < 0.6, first, rng.integers(0, 5, 300))
    expected = cohen_kappa_score(first, second)
    assert cohen_kappa(first, second, classes=5) == pytest.approx(expected, abs=1e-12)


def test_calibration_error_by_hand():
    table = [[0.9, 0.1], [0.6, 0.4], [0.3, 0.7]]
    # bins of a half: all three in the upper one; mean confidence .7333, accuracy 2/3
    assert expected_calibration_error(table, [0, 1, 1], bins=2) == pytest.approx(0.2 / 3)


def test_the_same_seed_gives_the_same_bytes(tmp_path):
    for name in ("first", "second"):
        fitted = synthetic.train_on_synthetic(seed=3, scale=0.004, epochs=2)
        synthetic.write_classifier(fitted, tmp_path / name)
    for file in ("classifier.safetensors", "report.json", "confusion.csv"):
        assert (tmp_path / "first" / file).read_bytes() == (tmp_path / "second" / file).read_bytes()
    loaded = PatternClassifier.load(tmp_path / "first" / "classifier.safetensors")
    maps = torch.from_numpy(prototype("block", 30, 0))[None]
    torch.testing.assert_close(loaded.classify(maps), fitted.classifier.classify(maps))


def test_other_files_are_refused(tmp_path):
    from safetensors.numpy import save_file

    with pytest.raises(DataFileError, match="no such file"):
        PatternClassifier.load(tmp_path / "none.safetensors")
    (tmp_path / "text.safetensors").write_text("hello")
    with pytest.raises(DataFileError, match="is not a classifier"):
        PatternClassifier.load(tmp_path / "text.safetensors")
    save_file({"w": np.zeros(2)}, tmp_path / "other.safetensors")
    with pytest.raises(DataFileError, match="these patterns and features"):
        PatternClassifier.load(tmp_path / "other.safetensors")
