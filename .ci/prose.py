"""Check the English that users read: spelling (codespell), style (proselint), forbidden phrases.

Read are README, CONTRIBUTING, SECURITY and docs/, without code; the templates of pages, without
markup; and the docstrings and texts of the package. `python .ci/prose.py --pages` reads the pages
alone. The settings are in prose.toml, with a reason for each. Exit code 1 if anything is found.
"""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
PAGES = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "docs/*.md"]
TEMPLATES = ["analysis/report/templates/*.j2"]
CODE = ["*.py", "data/**/*.py", "models/**/*.py", "pruning/**/*.py", "probes/**/*.py",
        "analysis/**/*.py", "commands/**/*.py"]  # fmt: skip
_FENCED = re.compile(r"^ *(```+).*?^ *\1 *$", re.M | re.S)
_INDENTED = re.compile(r"(?<=\n\n)(?: {4}[^\n]*\n)+")
_INLINE = re.compile(r"``[^`]*``|`[^`]*`|\]\([^)]*\)|<!--.*?-->|https?://\S+", re.S)
_MARKUP = re.compile(
    r"<(script|style|code|pre)\b.*?</\1>|\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}|<[^>]*>", re.S
)


class Text(NamedTuple):
    """A piece of text, and where it stands."""

    file: str
    line: int
    text: str


class Finding(NamedTuple):
    """What is wrong, and where."""

    file: str
    line: int
    what: str


def settings() -> dict[str, Any]:
    """The words, checks and phrases of prose.toml."""
    return tomllib.loads((Path(__file__).parent / "prose.toml").read_text("utf-8"))


def _blank(found: re.Match[str]) -> str:
    """Put a mark in the place of what is no prose, and keep the lines."""
    return "\n" * found[0].count("\n") or " "


def of_page(source: str, file: str) -> Iterator[Text]:
    """The lines of a page in Markdown, without code, links and addresses."""
    prose = _INDENTED.sub(_blank, _FENCED.sub(_blank, source))
    yield from _paragraphs(_INLINE.sub(_blank, prose), file)


def of_template(source: str, file: str) -> Iterator[Text]:
    """The lines of a template of a page, without markup."""
    yield from _paragraphs(_MARKUP.sub(_blank, source), file)


def _paragraphs(prose: str, file: str) -> Iterator[Text]:
    at = 1
    for part in re.split(r"(\n\s*\n)", prose):
        if part.strip():
            yield Text(file, at, part)
        at += part.count("\n")


def of_code(source: str, file: str) -> Iterator[Text]:
    """Docstrings, and literals with a space; what is filled into one is left out."""
    tree = ast.parse(source)
    inside: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            inside.update(id(one) for one in ast.walk(node) if one is not node)
            parts = [
                str(one.value) if isinstance(one, ast.Constant) else "…" for one in node.values
            ]
            yield Text(file, node.lineno, _INLINE.sub(_blank, "".join(parts)))
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in inside
        ):
            text = node.value
            # names, patterns and formats have no space, or characters that no sentence has
            if " " in text.strip() and not re.search(r"\\[dwsSb]|\(\?|select ", text):
                prose = _INLINE.sub(_blank, _FENCED.sub(_blank, text))
                for part in _paragraphs(prose, file):
                    yield part._replace(line=part.line + node.lineno - 1)


def texts(patterns: Iterable[str], read: Any) -> Iterator[Text]:
    """Every text of the files that some patterns name."""
    for pattern in patterns:
        for path in sorted(ROOT.glob(pattern)):
            yield from read(path.read_text("utf-8"), path.relative_to(ROOT).as_posix())


def phrases(found: Iterable[Text], rules: list[dict[str, str]]) -> Iterator[Finding]:
    """Forbidden phrases, also across the end of a line."""
    compiled = [(re.compile(r["pattern"].replace(" ", r"\s+"), re.I), r["instead"]) for r in rules]
    for text in found:
        for pattern, instead in compiled:
            for hit in pattern.finditer(text.text):
                line = text.line + text.text[: hit.start()].count("\n")
                said = " ".join(hit[0].split())
                yield Finding(text.file, line, f"phrase: '{said}': {instead}")


def linters(found: list[Text], chosen: dict[str, Any]) -> Iterator[Finding]:
    """What codespell and proselint say of the texts."""
    lines: list[tuple[str, int]] = []
    written: list[str] = []
    for text in found:
        for number, line in enumerate(text.text.strip("\n").split("\n")):
            skipped = len(text.text) - len(text.text.lstrip("\n"))
            lines.append((text.file, text.line + skipped + number))
            written.append(line)
        lines.append((text.file, text.line))
        written.append("")
    with tempfile.TemporaryDirectory() as place:
        file, words, config = (Path(place) / name for name in ("all.md", "words", "config.json"))
        file.write_text("\n".join(written) + "\n", encoding="utf-8")
        words.write_text("\n".join(chosen["words"]) + "\n", encoding="utf-8")
        checks = dict.fromkeys(chosen["off"], False)
        config.write_text(json.dumps({"max_errors": 100000, "checks": checks}), encoding="utf-8")
        spelt = _run("codespell", "--ignore-words", str(words), str(file))
        styled = _run("proselint", "check", "--config", str(config), str(file))
    for hit in re.finditer(r"all\.md:(\d+): (.+)", spelt):
        yield Finding(*lines[int(hit[1]) - 1], f"codespell: {hit[2]}")
    for hit in re.finditer(r"all\.md:(\d+):\d+: (.+)", styled):
        yield Finding(*lines[min(int(hit[1]), len(lines)) - 1], f"proselint: {hit[2]}")


def _run(tool: str, *arguments: str) -> str:
    """What a tool of the same environment prints."""
    program = Path(sys.executable).parent / tool
    done = subprocess.run([str(program), *arguments], capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1, 65):  # 65: codespell and proselint found something
        sys.exit(f"{tool}: {done.stderr.strip()}")
    return done.stdout


def main(*options: str) -> int:
    """Print every finding; the exit code."""
    chosen = settings()
    found = list(texts(PAGES, of_page))
    if "--pages" not in options:
        found += [*texts(TEMPLATES, of_template), *texts(CODE, of_code)]
    findings = sorted({*phrases(found, chosen["phrase"]), *linters(found, chosen)})
    for one in findings:
        print(f"{one.file}:{one.line}: {one.what}")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
