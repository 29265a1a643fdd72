"""The operations of cells: as a model's own are counted, and in proportion to what is read."""

from dataclasses import replace
from pathlib import Path

import pytest
import transformers
from planned_run import planned_config
from subprobe.analysis.configuration.config import parse_config
from subprobe.analysis.cost.amounts import Workload
from subprobe.analysis.cost.shape import EncoderShape, shape_of
from subprobe.analysis.cost.sizes import (
    SUBWORDS_A_WORD,
    TaskSize,
    _lengths,
    published_size,
    read_size,
)
from subprobe.analysis.plan.planning import plan
from subprobe.analysis.plan.seed_plan import TaskFacts
from subprobe.data.sentences.sentence import Example, plain_sentence
from subprobe.data.tasks.by_name import load_task
from subprobe.data.tasks.glue import GLUE
from subprobe.data.tasks.published import PUBLISHED
from subprobe.models.encoder.anatomy import anatomy_of
from subprobe.models.folder.sources import ModelSource
from subprobe.models.smaller.cost import prunable_flops
from subprobe.models.training.recipes import STUDY

SIZE = TaskSize(1000, 100, 200, 20.0, 40.0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("amounts")


def workload(folder, *, size=SIZE, recipe=STUDY, **options):
    config = planned_config(folder, **options)
    facts = {"acceptability": TaskFacts("acceptability", recipe, (), 128)}
    graph = plan(config, facts)
    shape = EncoderShape(2, 64, 128, 100, 128)
    return graph, Workload(config, {"acceptability": recipe}, {"acceptability": size}, shape)


def value(found, last):
    graph, work = found
    return work.of(graph[f"acceptability/seed1/{last}"]).value


def test_a_forward_pass_is_counted_as_a_model_counts_its_own():
    config = transformers.BertConfig(
        vocab_size=50, hidden_size=128, num_hidden_layers=3, num_attention_heads=2,
        intermediate_size=200, max_position_embeddings=40,
    )  # fmt: skip
    model = transformers.BertModel(config)
    shape = EncoderShape(3, 128, 200, 50, 40)
    assert shape.forward(7 * 11, 11) == prunable_flops(anatomy_of(model), 7, 11)
    assert shape.parameters == sum(parameter.numel() for parameter in model.parameters())


def test_the_shape_is_read_from_the_configuration_of_any_family(tmp_path):
    names = ("bert", "distilbert", "electra")
    for name in names:
        config = transformers.AutoConfig.for_model(name)
        config.save_pretrained(tmp_path / name)
        found = shape_of(ModelSource("folder", str(tmp_path / name), name))
        sizes = config.num_hidden_layers, config.hidden_size, config.vocab_size
        assert (found.layers, found.width, found.vocabulary, found.known) == (*sizes, "read")
    assert shape_of(ModelSource("hub", "", "bert-base-uncased")).parameters == 109_482_240
    assert shape_of(ModelSource("hub", "", "someone/else")).known == "assumed"


def test_training_is_in_proportion_to_examples_and_epochs(folder):
    one = value(workload(folder), "finetune")
    none = value(workload(folder, size=replace(SIZE, train=0)), "finetune")
    twice = value(workload(folder, size=replace(SIZE, train=2000)), "finetune")
    longer = value(workload(folder, recipe=replace(STUDY, epochs=6)), "finetune")
    assert none == pytest.approx(100 * 20 * (2 * 65_536 + 4 * 20 * 64 * 2))
    assert twice - none == pytest.approx(2 * (one - none))
    assert longer == pytest.approx(twice)


def test_a_compact_training_takes_what_the_mask_leaves(folder):
    masked = value(workload(folder, prune={"keep": 0.5}), "structured/good/0/retrain")
    found = workload(folder, prune={"keep": 0.5}, retrain={"route": "compact"})
    compact = value(found, "structured/good/0/retrain")
    choosing = value(workload(folder, size=replace(SIZE, train=0)), "finetune")
    assert compact - choosing == pytest.approx((masked - choosing) / 2)
    weights = workload(
        folder, prune={"methods": ["magnitude"], "keep": 0.5}, retrain={"route": "compact"}
    )
    assert value(weights, "magnitude/good/0/retrain") == pytest.approx(masked)


def test_scoring_reads_the_reported_examples_once(folder):
    full, good = (
        value(workload(folder, prune={"keep": 0.25}), f"{name}/score")
        for name in ("full", "structured/good/0")
    )
    assert full == pytest.approx(200 * 20 * (2 * 65_536 + 4 * 20 * 64 * 2))
    assert good == pytest.approx(full / 4)


def test_partners_take_a_third_of_the_time_of_learning_gates_on_top(folder):
    """A step is a forward and a backward pass of two; the partner is read in one more."""
    searched = {
        name: value(
            workload(folder, prune={"methods": ["hard-concrete"], "keep": 0.5, "ablation": name}),
            "hard-concrete/search",
        )
        for name in ("zero", "mean", "resample", "counterfactual")
    }
    assert searched["zero"] == searched["mean"]
    assert searched["resample"] == searched["counterfactual"]
    assert searched["resample"] == pytest.approx(searched["zero"] * 4 / 3)


def test_a_probe_takes_as_many_passes_as_its_options_say(folder):
    def attributing(**options):
        own = {"names": ["attributions"], "options": {"attributions": options}}
        return value(workload(folder, probe=own), "full/probe/attributions")

    assert attributing(n_steps=20) == pytest.approx(2 * attributing(n_steps=10))
    one = attributing(method=["saliency"])
    assert attributing(n_steps=10) == pytest.approx(10 * one)
    both = attributing(method=["saliency", "shapley-sampling"], n_samples=4)
    assert both == pytest.approx(one + 2 * attributing(method=["shapley-sampling"], n_samples=2))


def test_attributions_of_units_take_passes_by_method(folder):
    def asked(**options):
        options = {"importances": [], **options}
        own = {"names": ["head-attributions"], "options": {"head-attributions": options}}
        return value(workload(folder, probe=own), "full/probe/head-attributions")

    few, many = (asked(methods="shapley-sampling", n_samples=count) for count in (5, 10))
    assert 1.9 < many / few < 2.0  # beside the two ends of the path
    both = asked(methods=["ablation", "integrated-gradients"])
    assert both > max(asked(methods="ablation"), asked(methods="integrated-gradients"))
    assert asked(methods="ablation", importances=["ablation"]) > asked(methods="ablation")


def test_searches_score_more_candidates_the_less_is_kept(folder):
    by_share = [
        value(workload(folder, prune={"keep": keep}), "structured/search")
        for keep in (0.9, 0.5, 0.2)
    ]
    assert by_share == sorted(by_share)
    assert by_share[0] < by_share[-1]
    folded = workload(folder, prune={"selection": "cross-validation", "folds": 3})
    once = value(workload(folder), "structured/search")
    assert value(folded, "structured/search") == pytest.approx(4 * once)


def test_every_glue_task_has_its_published_size():
    assert set(PUBLISHED) == set(GLUE)
    config = parse_config({"tasks": ["mrpc"], "examples": [100, 50, 50]}, where="test")
    assert published_size(config, "mrpc", STUDY).train == 90
    assert published_size(config, "mrpc", STUDY).report == 50
    shared = {"tasks": ["MRPC"], "prune": {"selection": "reported"}}
    found = published_size(parse_config(shared, where="test"), "MRPC", STUDY)
    assert (found.train, found.selection, found.report) == (3668, 408, 408)


def test_published_sizes_are_those_of_the_files(realdata: Path):
    for task in ("cola", "mrpc", "rte", "wnli"):
        options = {"tasks": [task], "data_dir": str(realdata / "glue")}
        config = parse_config({**options, "prune": {"selection": "reported"}}, where="test")
        read = read_size(config, load_task(task, data_dir=realdata / "glue"), STUDY)
        known = published_size(config, task, STUDY)
        assert (read.train, read.report) == (known.train, known.report)
        # words times 1.3 against subwords that were counted
        assert read.length == pytest.approx(known.length, rel=0.2)
        assert read.padded == pytest.approx(known.padded, rel=0.35)


def test_a_question_counts_once_for_each_option():
    context, wording = plain_sentence("x/1", "one two three"), plain_sentence("x/2", "four five")
    plain = Example("x", context, wording, 0)
    asked = replace(plain, options=("six", "seven eight nine"))
    # context and question are one text, and each text adds a special token, each input another
    expected = 2 * SUBWORDS_A_WORD * (5 + 2) + 2 * 3
    assert _lengths([asked], 128)[0] == pytest.approx(expected)
    assert _lengths([asked], 4)[0] == 8
    assert _lengths([plain], 128)[0] == pytest.approx(SUBWORDS_A_WORD * 5 + 3)
