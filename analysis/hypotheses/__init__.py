"""Tests of a mask: is it sufficient, necessary and minimal, does it equal the full model."""
