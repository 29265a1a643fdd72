"""The error tree: exit codes, one line, and the way between processes."""

import pickle

import pytest
from subprobe.data import errors

CLASSES = [errors.DataFileError, errors.CheckpointError, errors.MaskError,
           errors.AnnotationError, errors.ConfigError]  # fmt: skip


@pytest.mark.parametrize("cls", CLASSES)
def test_input_errors_exit_with_two_and_say_where_and_how(cls):
    error = cls("is broken", where="file.csv, row 3", remedy="mend it")
    assert error.exit_code == 2
    assert str(error) == "file.csv, row 3: is broken; mend it"
    assert isinstance(error, errors.InputError)


def test_other_errors_exit_with_one():
    assert errors.SubprobeError("failed").exit_code == 1


def test_unknown_names_offer_the_nearest():
    error = errors.UnknownNameError("task", "colla", ["mrpc", "cola"])
    assert "did you mean 'cola'?" in str(error)
    assert "cola, mrpc" in str(error)


@pytest.mark.parametrize(
    ("noun", "known"),
    [
        ("task", "tasks"),
        ("second property", "second properties"),
        ("criterion", "criteria"),
        ("hypothesis", "hypotheses"),
        ("match of partners", "matches of partners"),
        ("form of gates", "forms of gates"),
        ("relation", "relations"),
    ],
)
def test_known_names_are_said_in_the_plural(noun, known):
    assert f"; known {known}: a, b" in str(errors.UnknownNameError(noun, "x", ["b", "a"]))


@pytest.mark.parametrize(
    "error",
    [
        errors.UnknownNameError("task", "colla", ["mrpc", "cola"]),
        errors.ConfigError("is no number", where="run.toml", remedy="write 3"),
        errors.SubprobeError("failed"),
    ],
)
def test_errors_travel_between_processes(error):
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert (str(again), vars(again), again.exit_code) == (str(error), vars(error), error.exit_code)
