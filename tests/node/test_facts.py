"""What a host says that it can carry."""

import pytest

from mallee.model.configuration.settings import Capacity
from mallee.node import facts


@pytest.mark.parametrize(
    ("memory_mib", "kept_mib"),
    [(512, 384), (980, 384), (1500, 384), (2000, 500), (4096, 1024), (65536, 1024)],
)
def test_a_small_machine_keeps_less_for_itself(memory_mib: int, kept_mib: int) -> None:
    assert facts.reserved_memory_mib(Capacity(), memory_mib) == kept_mib
    assert facts.reserved_memory_mib(Capacity(reserved_memory_mib=100), memory_mib) == 100
