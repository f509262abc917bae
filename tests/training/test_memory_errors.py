"""Memory that ran out is told from every other error."""

import numpy as np
import pytest
import torch

from betafront.training import out_of_memory


def test_a_tensor_that_no_machine_can_hold() -> None:
    with pytest.raises(RuntimeError) as raised:
        torch.empty(2**50)
    assert out_of_memory(raised.value)


def test_an_array_that_no_machine_can_hold() -> None:
    with pytest.raises(MemoryError) as raised:
        np.ones(2**50)
    assert out_of_memory(raised.value)


def test_it_is_seen_through_what_was_made_of_it() -> None:
    with pytest.raises(ValueError, match="a part") as raised:
        try:
            try:
                torch.empty(2**50)
            except RuntimeError as error:
                raise KeyError("inner") from error
        except KeyError as error:
            raise ValueError("a part cannot be made") from error
    assert out_of_memory(raised.value)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no GPU")
def test_a_tensor_that_no_gpu_can_hold() -> None:
    with pytest.raises(RuntimeError) as raised:
        torch.empty(2**50, device="cuda")
    assert out_of_memory(raised.value)


def test_a_gpu_without_memory_says_so_in_its_own_error() -> None:
    assert out_of_memory(torch.OutOfMemoryError("CUDA: tried to allocate 2 GiB"))
    assert out_of_memory(RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling …"))


def test_other_errors_are_not_taken_for_it() -> None:
    with pytest.raises(RuntimeError) as raised:
        torch.ones(2) @ torch.ones(3)
    assert not out_of_memory(raised.value)
    assert not out_of_memory(ValueError("out of memory"))  # words of no allocator
    assert not out_of_memory(KeyError("weight"))
