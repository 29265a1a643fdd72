"""Scored masks survive the files of a cell."""

import json
from dataclasses import asdict, replace

import numpy as np
from made_curve import made_model, made_sizes
from subprobe.analysis.curve.stored import packed, sizes_in, units_kept, unpacked, with_units
from subprobe.data.files.tensor_files import read_arrays, save_arrays
from subprobe.models.masks.subnetwork import Subnetwork


def test_scored_masks_come_back(tmp_path):
    made = made_model(3, cluster=4)
    lost = replace(made.marks[2], value=float("nan"), undefined=3)
    made = replace(made, marks=(*made.marks[:2], lost, *made.marks[3:]))
    arrays, plain = packed(made)
    save_arrays(arrays, tmp_path / "arrays.safetensors")
    back = unpacked(read_arrays(tmp_path / "arrays.safetensors"), json.loads(json.dumps(plain)))
    for name in ("gold", "units", "full", "empty"):
        assert np.array_equal(getattr(back, name), getattr(made, name))
    assert back.answers.keys() == made.answers.keys()
    for kind, held in made.answers.items():
        assert np.array_equal(back.answers[kind], held)
        assert np.array_equal(back.values(kind), made.values(kind), equal_nan=True)
    assert str(back.marks) == str(made.marks)
    for name in ("name", "seeds", "metric", "ids", "scores", "baseline", "ablation", "selection"):
        assert getattr(back, name) == getattr(made, name)


def test_sizes_come_back():
    assert sizes_in(json.loads(json.dumps(asdict(made_sizes())))) == made_sizes()


def test_units_come_back():
    random = np.random.default_rng(0)
    mask = Subnetwork(random.random((3, 4)) < 0.5, np.array([True, False, True]))
    whole = Subnetwork(np.ones((3, 4), dtype=bool), np.ones(3, dtype=bool))
    back = with_units(whole, json.loads(json.dumps(units_kept(mask))))
    assert np.array_equal(back.head_mask, mask.head_mask)
    assert np.array_equal(back.mlp_mask, mask.mlp_mask)
