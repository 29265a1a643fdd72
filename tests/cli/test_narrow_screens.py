"""Every command's screen at 80 and at 60 columns: no word is split, and the score is there."""

import pytest
from narrow import WIDTHS, shown_on
from paired_run import write_paired_run
from rich.console import Console
from run_rows import made_rows
from subprobe.analysis.screen.records import print_records
from tiers import mostly_slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("runs")
    write_paired_run(path / "one", n=40, sentences=120, draws=2, probe_draws=2)
    write_paired_run(path / "two", n=40, shift=-0.1, entropy=3)
    made = path / "made"
    made.mkdir()
    rows = made_rows(("a_task_with_a_long_name", "mrpc"), (1, 2, 3), draws=2, layers=3, heads=4)
    rows.to_parquet(made / "rows.parquet", index=False)
    return path


SCREENS = {
    "compare": (["compare", "{one}"], "difference"),
    "compare runs": (["compare", "{one}", "{two}"], "difference"),
    "compare relation": (["compare", "{one}", "--relation", "nsubj"], "difference"),
    "survival": (["survival", "{made}", "--permutations", "99"], "odds ratio"),
    "spread": (["spread", "{made}", "--permutations", "99"], "mean"),
    "list tasks": (["list", "tasks"], "metrics"),
    "list probes": (["list", "probes", "--verbose"], "what"),
    "list models": (["list", "models"], "family"),
    "list importance": (["list", "importance"], "what"),
    "list relations": (["list", "relations"], "ud"),
    "config": (["config", "--shipped"], "what"),
    "doctor": (["doctor"], "found"),
    "plan": (["plan", "--config", "study"], "time left"),
}
"""What is shown: the words of the command, and the column that matters most."""


@pytest.mark.parametrize("width", mostly_slow(WIDTHS, [80]))
@pytest.mark.parametrize("name", SCREENS)
def test_no_screen_splits_a_word_or_hides_its_score(subprobe_command, folder, name, width):
    words, score = SCREENS[name]
    called = [word.format(**{one: folder / one for one in ("one", "two", "made")})
              for word in words]  # fmt: skip
    codes = []
    screen = shown_on(width, lambda: codes.append(subprobe_command(*called)))
    assert codes[0][0] in (0, 1), codes[0][2]  # doctor: something is not installed
    assert screen.tables
    assert any(score in headers for headers in screen.headers()), screen.headers()


@pytest.mark.parametrize("width", WIDTHS)
def test_tables_of_stability_rows_and_latency_fit(width):
    import numpy as np
    import pandas as pd
    from subprobe.analysis.screen.console import print_latency, print_performance
    from subprobe.analysis.screen.rows import print_rows, print_scores
    from subprobe.analysis.screen.stability import print_stability
    from subprobe.analysis.stability.mask_sets import MaskSet
    from subprobe.analysis.stability.measure import measure_stability
    from subprobe.analysis.summary.summaries import performance_table

    rng = np.random.default_rng(1)
    shapes = {"head": (4, 6), "mlp": (4,)}
    sets = [
        MaskSet(
            task,
            (1, 2, 3),
            {unit: rng.random((3, np.prod(shape))) < 0.6 for unit, shape in shapes.items()},
            shapes,
        )
        for task in ("acceptability", "entailment")
    ]
    screen = shown_on(width, lambda: print_stability(measure_stability(sets, draws=99)))
    assert any("kappa" in headers for headers in screen.headers())
    assert screen.text.startswith("acceptability: 3 seeds ")

    rows = made_rows(draws=3)
    screen = shown_on(width, lambda: print_performance(performance_table(rows)))
    metric = rows.loc[rows["probe"] == "performance", "metric"].iloc[0]
    assert all(metric in headers for headers in screen.headers())
    screen = shown_on(width, lambda: print_rows(rows))
    assert "value" in screen.headers()[0]
    full = rows[(rows["probe"] == "performance") & (rows["kind"] == "full") & (rows["seed"] == 1)]
    full = full[full["state"] == "finetuned"]
    screen = shown_on(width, lambda: print_scores(full))
    assert screen.text.startswith("The full model (finetuned) on ")
    assert screen.tables == []

    lines = [
        {"target": "batch=8 length=128", "variant": variant, "metric": name, "value": value,
         "ci_low": 0.01, "ci_high": 0.02, "n": 7, "corpus": "x86_64, 2 cores"}
        for variant in ("whole", "masked", "baked", "compact")
        for name, value in (("seconds", 0.013), ("time_ratio", 0.9), ("parameters", 2e7),
                            ("flops", 3e8))
    ]  # fmt: skip
    screen = shown_on(width, lambda: print_latency(pd.DataFrame(lines)))
    assert {"model", "ms"} <= set(screen.headers()[0])


def test_columns_are_left_out_by_importance_and_named():
    records = [{"a": "x" * 30, "b": "y" * 30, "score": ".123", "c": "two words " * 5}]
    screen = shown_on(60, lambda: print_records(records, keep=("score", "b")))
    assert screen.headers() == [["b", "score", "c"]]
    assert "not shown at this width: a" in screen.text


def test_a_word_that_is_wider_than_the_screen_is_the_only_one_that_is_split():
    from io import StringIO

    shown = StringIO()
    print_records([{"a": "x" * 30}], console=Console(file=shown, width=20))
    assert "".join(shown.getvalue().split()) == "a" + "x" * 30
