"""The commands and snippets of the README and the how-to pages work, in the order they are shown.

Long steps run on a tiny encoder: `embedded` stands for a local folder
of random weights, and a run gets the small options below. Everything else is as a reader types it.
"""

import importlib.util
import json
import re
import shlex
import shutil
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import subprobe
import tomlkit
from diagnostics_file import made_rows, write_diagnostics
from pattern_oracle import write_labelled
from plugin_site import PLUGIN, install
from questions import write_quail
from tiny_run import save_tiny_encoder, tiny_options, write_toy_task

ROOT = Path(subprobe.__file__).parent
SLOW = pytest.mark.slow
LONG = {
    "README.md", "ablation.md", "agreement.md", "artefacts.md", "attack.md",
    "attention-explanation.md",
    "attention-patterns.md", "behaviour.md", "calibration.md", "commands.md",
    "comparing.md", "curve.md", "exporting.md", "faithfulness.md", "glue.md",
    "head-attributions.md", "heuristics.md", "hidden-state-probes.md", "hidden-states.md",
    "hypotheses.md", "learned-gates.md", "mlm.md", "multiple-choice.md", "own-data.md",
    "property-masks.md", "pruning.md", "report.md", "running.md", "smaller-models.md",
    "same-score.md",
    "tables.md", "training.md", "transfer.md", "tutorial.md", "untrained-null.md",
}  # fmt: skip
"""Pages whose commands train and search several times; `make test-all` runs them."""
ONE_STORY = {"tutorial.md"}
"""Pages whose snippets read what their commands wrote."""
LONG_SNIPPETS = {"exporting.md", "hidden-states.md", "property-masks.md", "python.md"}
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.M | re.S)


def blocks(page, language):
    return [text for kind, text in BLOCK.findall(page.read_text("utf-8")) if kind == language]


def commands(page):
    """Every line after `$` that calls subprobe, make, git or pip."""
    lines = [line for text in blocks(page, "console") for line in text.splitlines()]
    return [line[2:] for line in lines if line.startswith("$ ")]


@pytest.fixture
def place(tmp_path, monkeypatch, finished_run):
    """A folder with what the pages speak of: data, an encoder, masks, a finished quickstart."""
    monkeypatch.chdir(tmp_path)
    save_tiny_encoder(tmp_path / "tiny-encoder")
    shutil.copytree(tmp_path / "tiny-encoder", tmp_path / "my-encoder")
    shutil.copytree(finished_run, tmp_path / "runs" / "quickstart")
    write_toy_task(tmp_path / "stance")
    write_quail(tmp_path / "quail")
    write_labelled(tmp_path / "labelled")
    write_glue(tmp_path / "glue")
    write_diagnostics(tmp_path / "diagnostic-full.tsv", made_rows())
    write_treebank(tmp_path / "treebank.conllu")
    write_test_sets(tmp_path)
    write_scores(tmp_path / "mnli-sp50.json")
    write_pairs(tmp_path / "pairs")
    (tmp_path / "vectors.txt").write_text("the 1 0.5\na -1 2\nand 0 1\n")
    shutil.copytree(PLUGIN, tmp_path / "busiest", ignore=shutil.ignore_patterns("__pycache__"))
    rng = np.random.default_rng(0)
    for task, seed in product(("MRPC", "RTE"), (42, 71, 86)):
        folder = tmp_path / "published" / "heads_mlps" / task / f"seed_{seed}"
        folder.mkdir(parents=True)
        np.save(folder / "head_mask.npy", (rng.random((12, 12)) < 0.6).astype(np.float32))
        np.save(folder / "mlp_mask.npy", (rng.random(12) < 0.7).astype(np.float32))
    return tmp_path


@pytest.fixture
def plugins_anew():
    """Entry points are looked for before and after the test, and not remembered."""
    from subprobe.data.tasks.plugin_tasks import PLUGINS as TASKS
    from subprobe.probes.registry import PLUGINS as PROBES
    from subprobe.pruning.importance.methods import PLUGINS as IMPORTANCES

    for one in (TASKS, PROBES, IMPORTANCES):
        one.forget()
    yield
    for one in (TASKS, PROBES, IMPORTANCES):
        one.forget()


def write_glue(folder):
    """Forty sentences and forty pairs in the layout of GLUE."""
    pairs = "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String"
    files = {
        "CoLA": [f"gj04\t{place % 2}\t\tThe cats saw dog {place}." for place in range(40)],
        "MRPC": [pairs] + [f"{n % 2}\t{n}\t{n}\tCats saw {n}.\tDogs saw {n}." for n in range(40)],
    }
    for task, lines in files.items():
        (folder / task).mkdir(parents=True)
        for split in ("train", "dev"):
            path = folder / task / f"{split}.tsv"
            path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_pairs(folder):
    """Texts of two classes, each with one of the other class and as many pieces."""
    folder.mkdir()
    for split in ("train", "validation"):
        lines = ["text,other,side"]
        for place in range(24):
            here, there = ("cats", "keys")[:: 1 if place % 2 else -1]
            rest = " ".join(["the author"] * (1 + place // 2))
            lines.append(f"{here} {rest},{there} {rest},{here}")
        (folder / f"{split}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_test_sets(folder):
    """Eight pairs with the columns of HANS, and four of a test set of somebody's own."""
    lines = ["gold_label\tsentence1\tsentence2\theuristic\tsubcase\ttemplate"]
    for place in range(8):
        gold, subcase = (("entailment", "ce"), ("non-entailment", "cn"))[place % 2]
        texts = f"If dogs saw cats {place}.\tDogs saw cats {place}."
        lines.append(f"{gold}\t{texts}\tconstituent\t{subcase}\t{subcase}{place // 4}")
    (folder / "hans.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    lines = [f"Dogs saw {n}.,{n} saw dogs.,not_entailment,swap{n % 2}" for n in range(4)]
    text = "\n".join(["premise,hypothesis,gold,kind", *lines]) + "\n"
    (folder / "swaps.csv").write_text(text, encoding="utf-8")


def write_scores(path):
    """Scores of six masks in the form of The Heuristic Core."""
    names = ("mnli-matched", "lexical_overlap_ln_passive", "subsequence_se_adjective")
    scores = {name: [0.9, *(0.7 + 0.01 * (n * step % 7) for n in range(6))]
              for step, name in enumerate(names, start=2)}  # fmt: skip
    seeds = ["original", *map(str, range(42, 48))]
    path.write_text(json.dumps({"seed": seeds, "sparsity": [0.0, *[0.5] * 6], **scores}))


def write_treebank(path):
    """Thirty sentences of seven words, two of them written as one; the first has no heads."""
    rows = (
        "He he PRON 4 nsubj",
        "does do AUX 4 aux",
        "n't not PART 4 advmod",
        "see see VERB 0 root",
        "the the DET 6 det",
        "{} dog NOUN 4 obj",
        ". . PUNCT 4 punct",
    )
    blocks = []
    for number in range(30):
        lines = [f"# text = He doesn't see the dog{number}."]
        for place, row in enumerate(rows, start=1):
            form, lemma, tag, head, relation = row.split()
            head, relation = (head, relation) if number else ("_", "_")
            lines += ["2-3\tdoesn't" + 8 * "\t_"] if place == 2 else []
            form = form.format(f"dog{number}")
            lines.append("\t".join([str(place), form, lemma, tag, *"__", head, relation, *"__"]))
        blocks.append("\n".join(lines) + "\n")
    path.write_text("\n".join(blocks) + "\n", encoding="utf-8")


def small(words, folder):
    """The arguments of a command, with the tiny encoder and small options put in."""
    # the tiny run has too few sentences for arcs of subjects and objects
    stands_for = {"embedded": "./tiny-encoder", "nsubj": "det", "dobj": "punct"}
    words = [stands_for.get(word, word) for word in words]
    if "--onnx" in words and not importlib.util.find_spec("onnxscript"):
        # the extra [onnx]; tests/models/smaller/test_onnx_file.py is skipped without it as well
        at = words.index("--onnx")
        del words[at : at + 2]
    if words[0] == "finetune":
        words += ["--quiet"]
        words += [] if "--epochs" in words else ["--epochs", "0.2"]
    if words[0] == "prune" and any(word.startswith("property=") for word in words):
        words += ["--quiet", "--epochs", "1", "--draws", "1", "--rank", "2"]
    if words[0] == "same-score" and "--task" in words:
        words += ["--quiet", "--limit", "16"]
        if "--masks" in words:
            words[words.index("--masks") + 1] = "2"
            words += ["--core-draws", "1"]
        if "heuristics" in words:
            words += ["--option", "heuristics.generated=16"]
    if words[0] == "gates" and "--keep" in words:
        words += ["--limit", "16"]
    if words[0] == "run":
        file = words[words.index("--config") + 1]
        given = tomlkit.parse((folder / file).read_text("utf-8")).unwrap()
        options = tiny_options(folder / "tiny-encoder")
        named = ("tasks", "seeds", "data_dir", "columns", "task")
        kept = {name: given[name] for name in named if name in given}
        kept["seeds"] = kept.get("seeds", options["seeds"])[:2]
        if kept.get("data_dir"):
            del options["examples"]  # files have the splits that they have
        (folder / file).write_text(tomlkit.dumps({**options, **kept}), encoding="utf-8")
    return words


@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, id=page.name, marks=SLOW if page.name in LONG else ())
        for page in PAGES
        if any(line.startswith("subprobe ") for line in commands(page))
    ],
)
def test_the_commands_of_a_page_work(page, place, subprobe_command, monkeypatch, plugins_anew):
    for text in blocks(page, "toml"):
        # the first line may name the file
        name = re.match(r"# (\S+\.toml)\n", text)
        (place / (name[1] if name else "small.toml")).write_text(text, encoding="utf-8")
    for line in commands(page):
        if line.startswith("pip install ./"):
            package = line.removeprefix("pip install ./")
            install(place / package, place / "site")
            monkeypatch.syspath_prepend(place / "site")
        if not line.startswith("subprobe "):
            continue
        line, _, target = (part.strip() for part in line.partition(">"))
        words = small(shlex.split(line)[1:], place)
        code, out, err = subprobe_command(*words)
        assert code == 0, (line, err)
        if target:
            (place / target).write_text(out, encoding="utf-8")
    for text in blocks(page, "python") if page.name in ONE_STORY else ():
        exec(compile(text, page.name, "exec"), {})


@every_page
def test_other_commands_exist(page):
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for line in commands(page):
        for part in line.split("&&"):
            words = shlex.split(part)
            assert words[0] in {"subprobe", "make", "git", "cd", "pip"}, line
            if words[0] == "make":
                assert re.search(rf"^{words[1]}:", makefile, re.M), line


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, id=page.name, marks=SLOW if page.name in LONG_SNIPPETS else ())
        for page in PAGES
        if blocks(page, "python") and page.name not in ONE_STORY
    ],
)
@pytest.mark.filterwarnings("ignore::subprobe.data.errors.SubprobeWarning")
def test_the_snippets_of_a_page_work(page, place):
    # a tiny random model learns nothing, and says so
    for text in blocks(page, "python"):
        exec(compile(text, page.name, "exec"), {})


@every_page
def test_links_and_pictures_exist(page):
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text("utf-8")):
        if not target.startswith(("http://", "https://", "#")):
            assert (page.parent / target.split("#")[0]).exists(), target


def test_the_page_of_the_probes_is_made_of_their_entries():
    from subprobe.analysis.catalogue import probes_page

    text = (ROOT / "docs" / "probes.md").read_text("utf-8")
    assert text[text.index("\n## ") + 1 :] == probes_page()


def test_the_glossary_is_made_of_the_terms():
    from subprobe.analysis.glossary import TERMS, glossary_page

    text = (ROOT / "docs" / "glossary.md").read_text("utf-8")
    assert text[text.index("\n## ") + 1 :] == glossary_page()
    for term, meaning in TERMS.items():
        assert f"## {term}\n\n{meaning}\n" in text
        assert len(re.findall(r"\.(?: |$)", meaning)) in (1, 2), term  # two sentences at most


def test_the_page_of_names_describes_every_public_name_once():
    text = (ROOT / "docs" / "api.md").read_text("utf-8")
    described = re.findall(r"^\| `(\w+)` \| \w[^|]+ \|$", text, re.M)
    assert sorted(described) == subprobe.__all__


def test_the_readme_is_short_and_shows_what_it_says():
    text = (ROOT / "README.md").read_text("utf-8")
    assert len(text.splitlines()) < 150
    picture, commands = text.index("![The first page"), text.index("```console")
    answer, rest = text.index("**The answer**"), text.index("## Your own encoder")
    assert picture < commands < answer < rest


def test_the_page_of_own_probes_shows_the_package_that_is_tested():
    page = ROOT / "docs" / "own-probe.md"
    files = [
        (PLUGIN / f"{name}.py").read_text("utf-8") for name in ("busiest", "largest", "animals")
    ]
    assert blocks(page, "python") == files
    assert blocks(page, "ini") == [(PLUGIN / "pyproject.toml").read_text("utf-8")]


def test_every_shown_configuration_is_valid():
    from subprobe.analysis.configuration.config import parse_config

    shown = [text for page in PAGES for text in blocks(page, "toml")]
    assert shown
    for text in shown:
        parse_config(tomlkit.parse(text).unwrap(), where="page")


def test_the_quickstart_is_what_make_runs():
    from subprobe.analysis.configuration.config import RunConfig, read_config

    command = "subprobe run --config docs/quickstart.toml --out runs/quickstart"
    assert command in (ROOT / "Makefile").read_text("utf-8")
    assert command in (ROOT / "README.md").read_text("utf-8")
    quickstart, usual = read_config(ROOT / "docs" / "quickstart.toml"), RunConfig()
    # masks of a set size, with more training by the shorter route; everything else is as usual
    assert (quickstart.prune.keep, quickstart.retrain.route) == (0.8, "compact")
    assert (quickstart.tasks, quickstart.seeds) == (usual.tasks, usual.seeds)
    assert quickstart.prune.model_copy(update={"keep": 0.0}) == usual.prune
    assert quickstart.controls.draws == usual.controls.draws


def test_the_pages_show_every_command():
    from subprobe.cli import root_command

    shown = {shlex.split(line)[1] for page in PAGES for line in commands(page)
             if line.startswith("subprobe ")}  # fmt: skip
    root: Any = root_command()
    assert shown == set(root.commands)
