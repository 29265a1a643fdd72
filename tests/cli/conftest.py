"""What the tests of commands share."""

import pytest
from tiny_run import write_toy_task


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """`--task`, `--data-dir` and `--column` of a user's own task."""
    folder = write_toy_task(tmp_path_factory.mktemp("own") / "toy")
    return ["--task", "toy", "--data-dir", folder, "--column", "first=text",
            "--column", "label=side"]  # fmt: skip
