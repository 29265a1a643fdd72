"""What every test shares: no network, here or in child processes, and the way to real data."""

import os
from pathlib import Path

# A closed port: clients that are not Python (or ignore the guard) fail at once as well.
_CLOSED = "http://127.0.0.1:9"

# Set while this file is imported, so before any test module imports transformers.
os.environ.update(
    {
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
        **dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), _CLOSED),
        "no_proxy": "",
        "NO_PROXY": "",
    }
)
# tiny models gain nothing from threads, and the tests already use a process a core
os.environ.setdefault("OMP_NUM_THREADS", "1")

_GUARD = str(Path(__file__).parent / "support" / "no_network")
os.environ["PYTHONPATH"] = os.pathsep.join(
    [_GUARD, *filter(None, [os.environ.get("PYTHONPATH", "")])]
)

import gc  # noqa: E402

import hypothesis  # noqa: E402
import pytest  # noqa: E402

# The same examples on every machine and no folder left behind.
hypothesis.settings.register_profile(
    "suite", deadline=None, derandomize=True, database=None, print_blob=True
)
hypothesis.settings.register_profile(
    "every change", hypothesis.settings.get_profile("suite"), max_examples=25
)

_TESTS = Path(__file__).parent
_REALDATA = "SUBPROBE_REALDATA"
_counter: dict[str, int] = {"ran": 0}


def pytest_configure(config):
    # read by test modules when they are imported; `make test-all` runs these tests a second time
    quick = config.getoption("markexpr") == "not slow"
    hypothesis.settings.load_profile("every change" if quick else "suite")


@pytest.fixture(scope="session")
def realdata() -> Path:
    """Folder of real treebanks and GLUE files; the test is skipped where there is none."""
    named = os.environ.get(_REALDATA)
    if not named:
        pytest.skip(f"{_REALDATA} names no folder of real data")
    folder = Path(named)
    # A wrong name is a mistake to see, not a reason to skip.
    assert folder.is_dir(), f"{_REALDATA}={named} is not a folder"
    return folder


@pytest.hookimpl(trylast=True)  # the order within files stays that of pytest-randomly
def pytest_collection_modifyitems(config, items):
    from tiers import LONGEST, LONGEST_SLOW, long_first

    for item in items:
        if "realdata" in getattr(item, "fixturenames", ()):
            item.add_marker("realdata")
    longest = LONGEST if config.getoption("markexpr") == "not slow" else LONGEST_SLOW
    items[:] = long_first(items, [str(item.path.relative_to(_TESTS)) for item in items], longest)


def pytest_collection_finish():
    # every training collects garbage: what all those imports left alive need not be looked through
    gc.collect()
    gc.freeze()


def pytest_runtest_logreport(report):
    if report.when == "call" and not report.skipped and "realdata" in report.keywords:
        _counter["ran"] += 1


def pytest_terminal_summary(terminalreporter):
    # .ci/run reads this line: with real data at hand, at least one test must have read it
    ran = _counter["ran"]
    terminalreporter.write_line(f"real data: {ran} test{'' if ran == 1 else 's'} ran")


@pytest.fixture(scope="session")
def made_once(tmp_path_factory):
    """A folder by name, made by the first process of the session that asks for it."""
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own

    def folder(name, make):
        from filelock import FileLock

        path, done = shared / name, shared / f"{name}.done"
        with FileLock(shared / f"{name}.lock"):
            if not done.exists():
                make(path)
                done.touch()
        return path

    return folder


@pytest.fixture(scope="session")
def tiny_encoder(made_once):
    """Folder of a tiny random BERT with its tokenizer; nothing may write to it."""
    from tiny_run import save_tiny_encoder

    return made_once("tiny-bert", save_tiny_encoder)


@pytest.fixture(scope="session")
def finished_run(tiny_encoder, made_once):
    """Folder of a finished tiny run with two seeds; nothing may write to it."""
    from subprobe.analysis.experiment import run_experiment
    from tiny_run import tiny_config

    return made_once("tiny-run", lambda path: run_experiment(tiny_config(tiny_encoder), path))


@pytest.fixture(scope="module", autouse=True)
def _earlier_files_frozen():
    # what earlier files imported and left need not be looked through either
    gc.freeze()


@pytest.fixture
def frozen_garbage():
    """The test collects garbage often: only what is made from here on is looked through."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def no_report():
    """Runs of the test write no report."""
    from tiny_run import without_report

    with without_report():
        yield


@pytest.fixture
def subprobe_command(capsys, monkeypatch):
    """Call the command line as a user does: `(exit code, stdout, stderr)`."""

    def call(*arguments):
        from subprobe.cli import main

        monkeypatch.setattr("sys.argv", ["subprobe", *map(str, arguments)])
        capsys.readouterr()
        code: int | str | None = 0
        try:
            main()
        except SystemExit as ended:
            code = ended.code or 0
        said = capsys.readouterr()
        return code, said.out, said.err

    return call
