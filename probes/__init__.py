"""Probes of a single model; they do not depend on how its mask was made."""
