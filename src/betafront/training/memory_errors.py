"""Tells errors of memory that ran out from others: a run with other settings may need less."""

import torch

# torch's CPU allocator on Linux and on Windows, CUDA outside of torch's allocator, and cuBLAS.
WORDS = ("can't allocate memory", "not enough memory", "out of memory", "STATUS_ALLOC_FAILED")


def out_of_memory(error: BaseException) -> bool:
    """Whether `error`, or an error that it was raised from, says that memory of the host or of a
    device ran out."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    if isinstance(error, RuntimeError) and any(words in str(error) for words in WORDS):
        return True
    return error.__cause__ is not None and out_of_memory(error.__cause__)
