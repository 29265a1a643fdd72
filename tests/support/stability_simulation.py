"""The simulations of `make check-statistics`, importable from tests of any working folder."""

from benchmark_code import load

_coverage, _size = load("stability_coverage"), load("stability_size")
Law, cover = _coverage.Law, _coverage.cover
agreement_null, reference_null = _size.agreement_null, _size.reference_null
size_rows = _size.size_rows
