"""Simulated survival with a known law, importable from tests of any working folder."""

from benchmark_code import load

_size = load("survival_content_size")
Law, check_rows, true_log_odds = _size.Law, _size.check_rows, _size.true_log_odds
