"""Annotation artefacts: classes that are predictable from part of the input (Gururangan 2018)."""
