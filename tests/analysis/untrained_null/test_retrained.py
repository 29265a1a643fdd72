"""The untrained twin of a model is trained on the examples that the model was trained on."""

import pytest
from subprobe.analysis.single.loaded import load_for_task
from subprobe.analysis.steps.progress import Silent
from subprobe.analysis.untrained_null import retrained
from subprobe.analysis.untrained_null.retrained import check_recorded, untrained_twin
from subprobe.data.tasks.task_parts import examples_digest
from subprobe.models.training.finetune import finetune
from tiny_run import write_toy_task


@pytest.fixture(scope="module")
def tuned(tiny_encoder, tmp_path_factory):
    """The folder of a fine-tuned tiny model, and its task."""
    from subprobe.analysis.configuration.config import RecipeOptions
    from subprobe.analysis.configuration.task_choice import TaskChoice
    from subprobe.analysis.single.training import fine_tune_to_folder

    folder = tmp_path_factory.mktemp("tuned")
    task = TaskChoice(
        "toy", str(write_toy_task(folder / "toy")), {"first": "text", "label": "side"}
    )
    fine_tune_to_folder(
        str(tiny_encoder), task, folder / "model", seed=1, order_seed=2, selection="held-out",
        options=RecipeOptions(learning_rate=0.003, epochs=1, batch_size=8), progress=Silent(),
    )  # fmt: skip
    return str(folder / "model"), task


@pytest.mark.parametrize("limit", [0, 6])
def test_a_limit_does_not_change_the_training_of_the_twin(tuned, monkeypatch, limit):
    model, task = tuned
    loaded = load_for_task(model, task, limit=limit, device="cpu")
    assert limit == 0 or len(loaded.parts.train) <= limit
    seen = []

    def watched(name, parts, *arguments, **options):
        seen.append(parts.train)
        return finetune(name, parts, *arguments, **options)

    monkeypatch.setattr(retrained, "finetune", watched)
    twin, _ = untrained_twin(loaded, check_recorded(loaded), Silent(), device="cpu")
    (train,) = seen
    assert len(train) == loaded.meta["n_train"]
    assert examples_digest(train) == loaded.meta["train_digest"]
    # the search and the scores of both have the examples that were asked for
    assert twin.parts is loaded.parts
