"""What stands beside the code says the same as it: versions, checks, citation, moved modules."""

import re
import tomllib
from pathlib import Path

import pytest
import subprobe
import yaml
from subprobe.cli import root_command
from tiers import LONGEST, LONGEST_SLOW, long_first

ROOT = Path(subprobe.__file__).parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def read_yaml(name):
    return yaml.safe_load((ROOT / name).read_text("utf-8"))


def versions_of_python():
    """The versions that the classifiers name, in order."""
    found = (re.fullmatch(r".*:: (3\.\d+)", one) for one in PROJECT["classifiers"])
    return [one[1] for one in found if one]


def test_long_files_of_tests_exist_and_go_first():
    known = {*LONGEST, *LONGEST_SLOW}
    assert [name for name in known if not (ROOT / "tests" / name).is_file()] == []
    files = ["a.py", "b.py", LONGEST[1], "b.py", "a.py", "b.py", LONGEST[0]]
    assert long_first("1234567", files) == list("7324615"), "of one file as they were"
    assert long_first("1234567", files, ["b.py"]) == list("2461537")


def test_the_version_stands_in_one_place():
    assert PROJECT["dynamic"] == ["version"]
    assert "version" not in PROJECT
    assert re.fullmatch(r"\d+\.\d+\.\d+", subprobe.__version__)
    assert read_yaml("CITATION.cff")["version"] == subprobe.__version__


def test_the_versions_of_python_agree():
    named = versions_of_python()
    assert PROJECT["requires-python"] == f">={named[0]}"
    jobs = read_yaml(".github/workflows/checks.yml")["jobs"]
    assert jobs["tests"]["strategy"]["matrix"]["python"] == named
    assert jobs["docs"]["steps"][1]["with"]["python-version"] in named
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]
    assert tools["mypy"]["python_version"] == named[0]
    assert tools["ruff"]["target-version"] == "py" + named[0].replace(".", "")
    assert f"Python {named[0]} or newer" in (ROOT / "README.md").read_text("utf-8")
    assert f"Python {named[0]} or newer" in (ROOT / "CONTRIBUTING.md").read_text("utf-8")


def test_the_workflow_runs_what_a_change_must_pass():
    workflow = read_yaml(".github/workflows/checks.yml")
    assert set(workflow["on"]) == {"push", "pull_request"}
    assert workflow["permissions"] == {"contents": "read"}
    runs = {name: [step["run"] for step in job["steps"] if "run" in step]
            for name, job in workflow["jobs"].items()}  # fmt: skip
    assert runs == {"tests": [".ci/run"], "docs": ["make docs"]}
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111
    assert "secrets" not in (ROOT / ".github/workflows/checks.yml").read_text("utf-8")


def test_hooks_before_a_commit_are_the_checks_of_make_lint():
    (local,) = read_yaml(".pre-commit-config.yaml")["repos"]
    assert local["repo"] == "local"
    entries = [hook["entry"].split() for hook in local["hooks"]]
    lint = re.search(r"^lint:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text("utf-8"), re.M)
    checks = [line.split() for line in lint[1].replace("$(BIN)", ".venv/bin").splitlines()]
    assert [words[:2] for words in entries] == [words[:2] for words in checks]
    assert {hook["language"] for hook in local["hooks"]} == {"system"}


@pytest.mark.parametrize("name", ["wrong", "wanted"])
def test_an_issue_template_asks_for_something(name):
    form = read_yaml(f".github/ISSUE_TEMPLATE/{name}.yml")
    assert {"name", "description", "body"} <= set(form)
    assert len({field["id"] for field in form["body"]}) == len(form["body"])
    assert any(field.get("validations", {}).get("required") for field in form["body"])


def test_the_citation_has_what_its_schema_requires():
    found = read_yaml("CITATION.cff")
    assert {"cff-version", "message", "title", "authors"} <= set(found)
    assert found["cff-version"] == "1.2.0"
    assert (found["type"], found["license"]) == ("software", PROJECT["license"])
    assert sorted(found["keywords"]) == sorted(PROJECT["keywords"])
    (study,) = found["references"]
    assert {"type", "title", "authors"} <= set(study)
    assert [one["family-names"] for one in study["authors"]] == ["Prasanna", "Rogers", "Rumshisky"]
    assert study["url"] in PROJECT["urls"].values()
    assert study["url"] in (ROOT / "README.md").read_text("utf-8")


def test_coverage_has_a_floor():
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["coverage"]
    assert tools["report"]["fail_under"] >= 73
    assert tools["run"]["branch"]
    assert "--cov=subprobe" in (ROOT / "Makefile").read_text("utf-8")


def test_the_page_for_contributors_names_what_make_offers():
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.M))
    said = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    named = set(re.findall(r"\bmake (?:PYTHON=\S+ )?([a-z-]+)[`\n]", said))
    assert named <= targets
    assert targets - named == {"run", "clean"}
    # the first lines of the Makefile say what each is for
    assert targets - set(re.findall(r"^# make ([a-z-]+) ", makefile, re.M)) == {"clean"}


def options_of(command):
    """Every option of a command and of those below it, also one that its parameter names."""
    below = getattr(command, "commands", {}).values()
    own = {flag for one in command.params for flag in one.opts}
    return own.union(*(options_of(one) for one in below))


def test_files_and_commands_that_the_pages_name_exist():
    for page in ("CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"):
        said = (ROOT / page).read_text("utf-8")
        paths = set(re.findall(r"`((?:tests|docs|benchmarks|\.ci|\.github)/[\w./-]+)`", said))
        assert [path for path in sorted(paths) if not (ROOT / path).exists()] == []
        for option in set(re.findall(r"`(?:subprobe \w+ )?(--[a-z-]+)", said)):
            commands = (ROOT / "commands").rglob("*.py")
            written = [ROOT / "cli.py", *commands, ROOT / "benchmarks" / "__main__.py"]
            named = any(f'"{option}"' in path.read_text("utf-8") for path in written)
            assert named or option in options_of(root_command()), option


def table_rows(text, title):
    """The cells of the table after a line, without backticks."""
    lines = text[text.index(title) :].splitlines()
    rows = [line for line in lines if line.startswith("| ")][1:]
    end = next((n for n, line in enumerate(rows) if line.startswith("| from")), len(rows))
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[:end]]


def moved_modules():
    """Every (module before, module now) of the changelog, without `subprobe.`."""
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    for before, names, now in table_rows(text, "Modules that kept their names:"):
        for name in re.findall(r"`(\w+)`", names):
            yield f"{before.strip('`')}.{name}", f"{now.strip('`')}.{name}"
    for before, now in table_rows(text, "Modules with a new name:"):
        yield before.strip("`"), now.strip("`")


def is_module(name):
    path = ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def test_modules_are_where_the_changelog_says():
    moves = list(moved_modules())
    assert len(moves) > 100
    assert [now for _, now in moves if not is_module(now)] == []
    # a folder may bear the name of a module that went into it
    left = {
        before
        for before, _ in moves
        if ROOT.joinpath(*before.split(".")).with_suffix(".py").is_file()
    }
    assert left == set()


def test_the_changelog_names_every_option_that_has_another_name():
    from subprobe.commands.flags import RENAMED

    said = (ROOT / "CHANGELOG.md").read_text("utf-8")
    for command, names in RENAMED.items():
        for old, new in names.items():
            row = re.search(rf"^ *\| `{command}` \| `{old}` \| `(.+)` \|$", said, re.M)
            assert row, (command, old)
            assert row[1] in new


def test_the_changelog_names_the_versions_of_today():
    from subprobe.analysis.plan.graph import FORMAT
    from subprobe.data.output.tables import SCHEMA_VERSION

    said = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert f"Rows have schema version {SCHEMA_VERSION}" in said
    assert f"Cells of a run have format {FORMAT}" in said


def test_the_changelog_keeps_its_form():
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    sections = re.findall(r"^## (.+)$", text, re.M)
    assert sections[0] == "Unreleased"
    assert all(re.fullmatch(r"\[?\d+\.\d+\.\d+\]? - \d{4}-\d\d-\d\d", one) for one in sections[1:])
    kinds = re.findall(r"^### (.+)$", text, re.M)
    known = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert set(kinds) - {"Import paths that moved"} <= known
