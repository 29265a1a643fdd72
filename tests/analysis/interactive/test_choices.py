"""Multiple-choice models from Python: load, search, evaluate, probe, compare."""

import pytest
import subprobe
from questions import chooser, write_quail
from subprobe.analysis.steps.progress import Silent
from subprobe.models.checkpoint.checkpoint import save_classifier


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A random multiple-choice model with its task of 12 questions."""
    folder = tmp_path_factory.mktemp("choices")
    made, tokenizer = chooser()
    save_classifier(made, tokenizer, folder / "m", {"task": "quail", "pair": True})
    task = subprobe.load_task("quail", data_dir=write_quail(folder / "files"))
    return subprobe.load_model(str(folder / "m"), task)


def test_search_evaluate_and_compare(model):
    mask = subprobe.search(model, keep=0.5, progress=Silent())
    full, good = subprobe.evaluate(model), subprobe.evaluate(model, mask)
    (row,) = full.to_frame().to_dict("records")
    assert (row["metric"], row["baseline"], row["baseline_value"]) == ("accuracy", "chance", 0.25)
    assert len(subprobe.compare(good, full).to_frame())


def test_the_probes_of_choices(model):
    rows = subprobe.probe(model, "choices").to_frame()
    assert {"accuracy", "type_accuracy", "part_accuracy"} <= set(rows["metric"])
    attributed = subprobe.probe(model, "choice-attributions", examples=2).to_frame()
    assert attributed["relation"].nunique() == 5
    with pytest.raises(subprobe.InputError, match="quail is multiple choice"):
        subprobe.probe(model, "attributions")
