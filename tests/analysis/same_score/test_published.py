"""Result files in the form of The Heuristic Core, and its published figures."""

import json
from typing import Any

import pytest
from subprobe.analysis.same_score.measure import measure_points
from subprobe.analysis.same_score.points import FULL
from subprobe.analysis.same_score.published import is_entailed, read_published
from subprobe.data.errors import DataFileError, UnknownNameError

COLUMNS: dict[str, list[Any]] = {
    "seed": ["original", "1", "2", "3"],
    "sparsity": [0.0, 0.5, 0.49, 0.51],
    "mnli-matched": [0.9, 0.8, 0.82, 0.84],
    "subsequence_se_adjective": [1.0, 0.9, 1.0, 0.95],
    "lexical_overlap_ln_passive": [0.5, 0.1, 0.2, 0.3],
    "constituent_cn_adverb": [0.7, 0.3, 0.0, 0.1],
}
NESTED = {
    "42": {"0": {"m": 0.8, "lexical_overlap_ln_passive": 0.4},
           "50": {"m": 0.7, "lexical_overlap_ln_passive": 0.1}},
    "43": {"0": {"m": 0.8, "lexical_overlap_ln_passive": 0.4},
           "50": {"m": 0.72, "lexical_overlap_ln_passive": 0.3}},
}  # fmt: skip


@pytest.fixture
def written(tmp_path):
    def write(content):
        path = tmp_path / "scores.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    return write


def line_of(table, metric):
    return table[table["metric"] == metric].iloc[0]


def test_a_file_of_columns_gives_scores_and_means_over_subcases(written):
    points = read_published(written(COLUMNS))
    assert points.sizes == [""]
    score, *others = points.at("")
    assert (score.metric, score.primary, score.full) == ("mnli-matched", True, 0.9)
    assert score.values.to_dict() == {"1": 0.8, "2": 0.82, "3": 0.84}
    named = {line.label: line for line in others}
    wrong = named["accuracy_non_entailed 2 subcases"]
    assert wrong.values.tolist() == pytest.approx([0.2, 0.1, 0.2])
    assert wrong.full == pytest.approx(0.6)
    assert named["accuracy_entailed 1 subcases"].values.tolist() == [0.9, 1.0, 0.95]
    assert named["subcase_accuracy constituent_cn_adverb"].full == 0.7
    assert points.table.loc[points.table["kind"] == FULL, "mask"].unique() == [FULL]


def test_a_file_of_sparsities_gives_masks_at_each(written):
    points = read_published(written(NESTED))
    assert points.sizes == ["50%"]
    score = points.at("50%")[0]
    assert (score.metric, score.full, score.values.tolist()) == ("m", 0.8, [0.7, 0.72])


def test_another_column_can_be_the_score(written):
    points = read_published(written(COLUMNS), score="subsequence_se_adjective")
    assert points.at("")[0].relation == "subsequence_se_adjective"
    with pytest.raises(UnknownNameError, match="'mnli'"):
        read_published(written(COLUMNS), score="mnli")


@pytest.mark.parametrize(
    ("name", "entailed"),
    [("lexical_overlap_ln_passive", False), ("subsequence_se_adjective", True),
     ("constituent_ce_adverb", True), ("constituent_xn_adverb", None), ("mnli-matched", None)],
)  # fmt: skip
def test_the_label_of_a_subcase_is_in_its_name(name, entailed):
    assert is_entailed(name) is entailed


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[1, 2]", "is not a JSON object"),
        ("{", "scores.json"),
        ({}, "no list 'seed'"),
        ({"seed": ["1"], "m": [0.5]}, "no list 'sparsity'"),
        ({**COLUMNS, "mnli-matched": [0.9]}, "different lengths"),
        ({**COLUMNS, "mnli-matched": 0.9}, "is not a list"),
        ({**COLUMNS, "mnli-matched": [0.9, 0.8, "x", 0.8]}, "'x' is not a number"),
        ({**COLUMNS, "mnli-matched": [0.9, 0.8, 84, 0.8]}, "84 is not a share"),
        ({**COLUMNS, "seed": ["original", "1", "1", "2"]}, "names a seed twice"),
        ({**COLUMNS, "seed": ["original", "1", None, "2"]}, "None is not a seed"),
        ({"seed": ["1", "2"], "sparsity": [0.5, 0.5]}, "no metric"),
        ({name: values[:2] for name, values in COLUMNS.items()}, "no two masks"),
        ({"500": {"m": 0.7}, "600": {"m": 0.8}}, "one model for each key"),
        ({"42": {"half": {"m": 0.7}}}, "'half' is not a sparsity"),
        ({"42": {"50": {"m": 0.7}}, "43": {"50": {"n": 0.7}}}, "different metrics"),
        ({"42": {"0": {"m": 0.7}}, "43": {"0": {"m": 0.8}}}, "full models"),
    ],
)
def test_a_file_of_another_form_is_refused_in_one_line(written, content, said):
    with pytest.raises(DataFileError) as raised:
        read_published(written(content))
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("file", "metric", "mean", "sd", "full"),
    [
        ("mnli-sp50", "mnli-matched", 0.8127, 0.0053, 0.8334),
        ("mnli-sp50", "mnli-mismatched", 0.8140, 0.0032, 0.8421),
        ("mnli-sp50", "accuracy_non_entailed", 0.0593, 0.0339, 0.2717),
        ("mnli-sp50", "accuracy_entailed", 0.9955, 0.0031, 0.9904),
        ("mnli-sp70", "mnli-matched", 0.7538, 0.0074, 0.8334),
        ("mnli-sp70", "mnli-mismatched", 0.7591, 0.0078, 0.8421),
        ("mnli-sp70", "accuracy_non_entailed", 0.0048, 0.0041, 0.2717),
        ("mnli-sp70", "accuracy_entailed", 0.9984, 0.0015, 0.9904),
    ],
)
def test_the_published_figures(realdata, file, metric, mean, sd, full):
    line = line_of(
        measure_points(read_published(realdata / "heuristic-core" / f"{file}.json")).spread, metric
    )
    assert line["n_masks"] == 12
    assert (line["mean"], line["sd"], line["full"]) == pytest.approx((mean, sd, full), abs=5e-5)


@pytest.mark.realdata
def test_equal_scores_and_other_behaviour_in_the_published_file(realdata):
    found = measure_points(read_published(realdata / "heuristic-core" / "mnli-sp50.json"))
    table = found.correlations[found.correlations["correlation"] == "pearson"]
    line = line_of(table, "accuracy_non_entailed")
    assert line["r"] == pytest.approx(-0.06, abs=0.005)
    # 12 masks cannot exclude a correlation of .5
    assert line["ci_low"] < -0.5 < 0.5 < line["ci_high"]
    swap = found.spread[found.spread["relation"] == "lexical_overlap_ln_subject-object_swap"].iloc[
        0
    ]
    assert (swap["mean"], swap["sd"], swap["full"]) == pytest.approx(
        (0.128, 0.105, 0.867), abs=5e-4
    )
    assert (swap["lowest"], swap["highest"]) == (0.022, 0.361)


@pytest.mark.realdata
def test_a_published_file_of_other_models_is_refused(realdata):
    with pytest.raises(DataFileError, match="one model for each key"):
        read_published(realdata / "heuristic-core" / "mnli-acc_over_ft.json")
    assert (
        len(read_published(realdata / "heuristic-core" / "mnli-acc_vs_sparsity.json").sizes) == 14
    )
