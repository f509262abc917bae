"""What an exported model says of its data, in this version and in those before."""

import json
from typing import Any

import numpy as np
import pytest
import torch

from betafront.data import digits, in_memory
from betafront.errors import UserError
from betafront.trained import preparation

# As exported before there was a kind.
OLD = {"shape": [1, 8, 8], "size": None, "binarize": None, "levels": 17, "dequantized": False}
GREY = np.random.default_rng(0).integers(0, 256, (5, 8, 8), dtype=np.uint8)


def about(kept: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(json.dumps({"preparation": kept}))
    return made


@pytest.mark.parametrize(
    "settings", [{}, {"binarize": 0.5}, {"levels": None}, {"levels": 4, "dequantize": True}]
)
def test_images_are_prepared_alike_before_and_after_export(settings: dict[str, Any]) -> None:
    data = digits(**settings)
    kept = data.preparation.as_json()
    assert set(kept) == {"kind", *OLD}
    read = preparation(about(kept))
    assert read == data.preparation
    assert read(GREY).equal(data.preparation(GREY))
    assert read(GREY).shape == (5, 1, 8, 8)


def test_a_model_that_was_exported_before_there_were_kinds_is_of_images() -> None:
    assert preparation(about(OLD)) == digits().preparation
    levels = preparation(about(OLD))(GREY) * 16
    assert levels.allclose(levels.round(), atol=1e-5)


def test_data_that_is_prepared_already_stays_as_it_is() -> None:
    x = digits().test
    assert preparation(about(OLD))(x).equal(x)
    vectors = in_memory("vectors", torch.randn(50, 5))
    assert preparation(about(vectors.preparation.as_json()))(vectors.val).equal(vectors.val)


def test_a_kind_of_a_later_version_is_one_line() -> None:
    with pytest.raises(UserError, match="of the kind 'sound', which this version"):
        preparation(about({"kind": "sound", "shape": [5]}))
