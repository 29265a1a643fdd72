"""The house keeps its shape: imports run one way, heavy ones late, rooms have one name."""

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
import subprobe

ROOT = Path(subprobe.__file__).parent
ROOMS = ["data", "models", "pruning", "probes", "analysis", "commands", "cli"]
FLOORS = {
    "data": ["errors", "plugins", "quiet_stderr", "seeds", "files", "output", "sentences",
             "words", "spans", "holmes", "generator", "strings", "suites", "tasks", "challenge",
             "encoding", "choices", "masking"],
    "models": ["encoder", "partners", "masks", "smaller", "folder", "checkpoint", "language",
                "ablation", "training"],
    "pruning": ["importance", "search", "learned", "sized"],
    "probes": ["forward", "passes", "entry", "from_scores", "states", "learning", "attention",
               "patterns", "context_mixing", "syntax", "attribution", "head_attributions",
               "representations", "structural", "tokens", "edges", "description_length",
               "erasure", "attention_probe", "head_ablation", "holmes", "faithfulness",
               "attention_explanation", "attention_diagnostics", "behaviour", "transfer",
               "choices", "challenge", "diagnostics", "attack"],
    "analysis": ["wording", "glossary", "flags", "cell_output", "statistics", "stability",
                 "survival_content", "summary", "comparison", "profile", "intervals", "labels",
                 "calibration", "glue", "findings",
                 "attributed", "configuration", "rankings", "gates", "steps", "learning", "storage",
                 "spread", "plan",
                 "artefacts", "groups", "hypotheses", "single", "untrained_null", "passes", "curve",
                 "same_score", "cells",
                 "property_search", "running", "cost",
                 "patterns", "verdict", "figures", "interactive", "report",
                 "run_folder", "upkeep",
                 "transfer", "screen"],
    "commands": ["stopped", "flags", "options", "ending", "one_model", "subnetworks",
                 "whole_runs"],
}  # fmt: skip
"""What each room holds, from the ground up; other files beside the folders may import them all."""
PACKAGES = [
    (room, floor) for room in FLOORS for floor in FLOORS[room] if (ROOT / room / floor).is_dir()
]
TESTS = sorted((ROOT / "tests").rglob("*.py"))
HEAVY = {"torch", "transformers", "spacy", "captum", "datasets", "pandas", "sklearn", "numpy"}


def sources(room: str) -> list[Path]:
    return [ROOT / "cli.py"] if room == "cli" else sorted((ROOT / room).rglob("*.py"))


PLACES = sorted(
    {path.parent.relative_to(ROOT).as_posix() for room in FLOORS for path in sources(room)}
)


@cache
def imports(path: Path) -> list[ast.Import | ast.ImportFrom]:
    """Every import of a file."""
    tree = ast.parse(path.read_text())
    return [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]


def absolute_target(path: Path, node: ast.ImportFrom) -> str:
    """The module a relative import means, as a dotted name under the root."""
    package = path.relative_to(ROOT).parent.parts
    kept = package[: len(package) - (node.level - 1)]
    return ".".join((*kept, *(node.module or "").split(".")))


@pytest.mark.parametrize("room", ROOMS)
def test_imports_run_one_way(room: str) -> None:
    allowed = set(ROOMS[: ROOMS.index(room) + 1])
    if room == "probes":
        allowed.remove("pruning")  # a probe never learns how a mask was made
    seen = 0
    for path in sources(room):
        for node in imports(path):
            if isinstance(node, ast.ImportFrom) and node.level:
                target = absolute_target(path, node).strip(".").split(".")[0]
                if target in ROOMS:
                    seen += 1
                    assert target in allowed, f"{path.name}:{node.lineno} imports {target}"
    assert seen


@pytest.mark.parametrize(("room", "floor"), PACKAGES)
def test_imports_within_a_room_run_one_way(room: str, floor: str) -> None:
    floors = FLOORS[room]
    allowed = set(floors[: floors.index(floor) + 1])
    for path in sources(f"{room}/{floor}"):
        for node in imports(path):
            if isinstance(node, ast.ImportFrom) and node.level:
                target = absolute_target(path, node).strip(".").split(".")
                if target[0] == room:
                    named = target[1:2] or [alias.name for alias in node.names]
                    assert set(named) <= allowed, f"{path}:{node.lineno} imports {named}"


@pytest.mark.parametrize("room", FLOORS)
def test_every_package_of_a_room_has_its_floor(room: str) -> None:
    folders = {path.parent.name for path in (ROOT / room).glob("*/__init__.py")}
    assert folders == {floor for of, floor in PACKAGES if of == room}


def test_the_page_of_the_architecture_names_every_package() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    for room, floors in FLOORS.items():
        part = text.split(f"\n## {room}\n")[1].split("\n## ")[0]
        named = set(re.findall(r"`(\w+)/`", part))
        assert named == {path.parent.name for path in (ROOT / room).glob("*/__init__.py")}, room
        assert named <= set(floors)


@pytest.mark.parametrize("package", PLACES)
def test_no_package_is_crowded(package: str) -> None:
    assert len(list((ROOT / package).glob("*.py"))) <= 14 + 1  # __init__ apart


@pytest.mark.parametrize("package", PLACES)
def test_every_package_says_what_it_holds(package: str) -> None:
    assert ast.get_docstring(ast.parse((ROOT / package / "__init__.py").read_text()))


@pytest.mark.parametrize("room", ROOMS)
def test_no_room_is_imported_by_its_bare_name(room: str) -> None:
    for path in [*sources(room), *TESTS]:
        for node in imports(path):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            assert not {n.split(".")[0] for n in names} & set(ROOMS), f"{path}: {names}"


def test_rooms_are_one_module_object_each() -> None:
    bare = set(ROOMS) & set(sys.modules)
    ours = [name for name in bare if getattr(sys.modules[name], "__file__", None)]
    assert not [n for n in ours if Path(sys.modules[n].__file__ or "").is_relative_to(ROOT)]


def test_heavy_libraries_are_not_imported_for_help() -> None:
    code = (
        "import sys, subprobe, subprobe.cli; print(*sorted(m.split('.')[0] for m in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not HEAVY & set(done.stdout.split())


def test_public_names_resolve_and_are_documented() -> None:
    assert sorted(subprobe.__all__) == subprobe.__all__
    for name in subprobe.__all__:
        value = getattr(subprobe, name)
        assert isinstance(value, str) or value.__doc__, name
    with pytest.raises(AttributeError, match="no_such_name"):
        getattr(subprobe, "no_such_name")  # noqa: B009


@pytest.mark.parametrize("room", ROOMS)
def test_files_hold_one_idea(room: str) -> None:
    lengths = {path.name: len(path.read_text().splitlines()) for path in sources(room)}
    assert {name: n for name, n in lengths.items() if n > 320} == {}
