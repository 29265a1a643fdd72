"""The simulations of paired intervals and tests, importable from tests of any working folder."""

from benchmark_code import load

_coverage, _size = load("paired_coverage"), load("paired_size")
PairLaw, cover_pairs, population = _coverage.PairLaw, _coverage.cover_pairs, _coverage.population
mcnemar_size, paired_size_rows = _size.mcnemar_size, _size.paired_size_rows
