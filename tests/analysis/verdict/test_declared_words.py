"""Words and roles that a probe declares, alike for probes of subprobe and of other packages."""

import pandas as pd
import pytest
from planned_run import planned_config
from subprobe.analysis.plan.planning import plan
from subprobe.analysis.plan.seed_plan import TaskFacts
from subprobe.analysis.survival_content.panel import head_panels
from subprobe.analysis.verdict.head_words import heads_that
from subprobe.analysis.verdict.knowledge import knowledge_of
from subprobe.analysis.wording import uncited
from subprobe.models.training.recipes import Recipe
from subprobe.probes.entry import BestGain, Measure, ProbeEntry, Told
from subprobe.probes.registry import PLUGINS

FOREIGN = ProbeEntry(
    name="foreign-trees",
    help="a probe of another package",
    code="nowhere:run",
    rows=(
        Measure("busiest_share", ("head",), "a share", more="put more attention on one token"),
        Measure("tree_accuracy", ("head",), "accuracy on relations"),
    ),
    best_gain=BestGain("tree_accuracy", "best_tree_gain", "find a relation better than chance"),
    told=(
        Told("kinds", "tree_accuracy", "Accuracy of the best head at trees", "chance"),
        Told("survivors", "tree_accuracy", "finding trees"),
        Told("heads", "busiest_share", "put {} of their attention on one token", "uniform"),
        Told("shares", "token_share", "Shares of tokens", "by chance"),
    ),
    survivors="heads",
)


@pytest.fixture
def foreign(monkeypatch):
    """A probe of an installed package."""
    monkeypatch.setattr(PLUGINS, "_points", {FOREIGN.name: None})
    monkeypatch.setattr(PLUGINS, "_loaded", {FOREIGN.name: FOREIGN})


def line(probe, metric, **about):
    return pd.Series({"probe": probe, "metric": metric, "relation": pd.NA, "direction": pd.NA,
                      "target": pd.NA, **about})  # fmt: skip


@pytest.mark.usefixtures("foreign")
@pytest.mark.parametrize(
    ("probe", "metric", "said"),
    [
        ("attention-stats", "attention_to_previous", "attend more to the previous token"),
        ("dependency-heads", "best_above_offset",
         "find a dependency relation further above its positional baseline"),
        ("foreign-trees", "busiest_share", "put more attention on one token"),
        ("foreign-trees", "best_tree_gain", "find a relation better than chance"),
        ("foreign-trees", "tree_accuracy",
         "have a higher tree accuracy (probe foreign-trees)"),
        ("unknown-probe", "share", "have a higher share (probe unknown-probe)"),
    ],
)  # fmt: skip
def test_what_heads_do_is_said_as_their_probe_declares(probe, metric, said):
    assert heads_that(line(probe, metric)) == said


@pytest.mark.usefixtures("foreign")
def test_the_answer_says_what_a_foreign_probe_declares():
    blank = dict.fromkeys(
        ["relation", "variant", "baseline", "reference", "p_value", "p_adjusted", "null_low",
         "null_high", "lowest", "highest"],
        pd.NA,
    )  # fmt: skip
    good = blank | {"probe": FOREIGN.name, "unit": "model", "kind": "good", "state": "pruned",
                    "n_draws": 1, "n_seeds": 1, "baseline_value": 0.25}  # fmt: skip
    trees = good | {"metric": "tree_accuracy", "relation": "all-relations", "mean": 0.5}
    lines = [
        trees,
        trees | {"relation": "nsubj"},
        trees | {"probe": "survivors", "metric": "best_head_accuracy", "baseline": "random-heads",
                 "p_value": 0.01},
        good | {"metric": "busiest_share", "mean": 0.5, "reference": 0.75},
        good | {"metric": "token_share", "relation": "verb", "mean": 0.5, "p_value": 0.01},
    ]  # fmt: skip
    said = [uncited(one) for one in knowledge_of(pd.DataFrame(lines), pd.DataFrame())]
    assert said == [
        "Accuracy of the best head at trees, of one relation: good .500 (chance: .250).",
        "In the full model, the heads that survive in the good subnetwork are better than random "
        "sets of as many heads at finding trees: .500 against .250, largest p = .010 over seeds.",
        "The heads of the good subnetwork put 50% of their attention on one token (the same heads "
        "in the full model: 75%; uniform: 25%).",
        "Shares of tokens (in brackets: by chance): verb 50%* (25%); * differs from chance in "
        "every seed.",
    ]


@pytest.mark.usefixtures("foreign")
def test_the_largest_gain_stands_for_the_relations_of_a_foreign_probe():
    about = {"model": "m", "task": "t", "seed": 1, "unit": "head", "layer_b": pd.NA}
    masks = [
        {**about, "probe": "mask", "metric": "kept", "kind": "good", "state": "pruned",
         "method": "structured", "layer": 0, "head": head, "value": float(head == 0)}
        for head in range(2)
    ]  # fmt: skip
    probed = [
        {**about, "probe": FOREIGN.name, "metric": "tree_accuracy", "kind": "full",
         "state": "finetuned", "layer": 0, "head": head, "relation": relation,
         "direction": "->", "value": value, "baseline_value": 0.25}
        for head, relation, value in (
            (0, "nsubj", 0.5), (0, "obj", 0.75), (0, "all", 1.0),
            (1, "nsubj", 0.25), (1, "obj", 0.0),
        )
    ]  # fmt: skip
    rows = pd.DataFrame(masks + probed).assign(variant=pd.NA, target=pd.NA)
    (panel,) = head_panels(rows)
    (predictor,) = panel.predictors
    assert predictor.about["metric"] == "best_tree_gain"
    assert predictor.per_head.tolist() == [[0.5, 0.0]]


@pytest.mark.usefixtures("foreign")
def test_survivors_are_compared_by_what_each_declaring_probe_found(tmp_path):
    config = planned_config(tmp_path)
    names = ("attention-patterns", "foreign-trees", "dependency-heads", "attention-stats")
    probe = config.probe.model_copy(update={"names": names})
    config = config.model_copy(update={"probe": probe})

    facts = {task: TaskFacts(task, Recipe(2e-5, 3)) for task in config.tasks}
    graph = plan(config, facts)
    at = f"{config.tasks[0]}/seed1/structured/good/0/survivors/"
    found = {
        name.removeprefix(at): cell.inputs["full"].rpartition("/")[2]
        for name, cell in graph.cells.items()
        if name.startswith(at)
    }
    assert list(found.items()) == [
        ("heads", "dependency-heads"), ("heads/foreign-trees", "foreign-trees"),
        ("patterns", "attention-patterns"),
    ]  # fmt: skip
