"""Rows on a device: as many stay there as it has room for."""

import pickle

import numpy as np
import pytest

from rhohat import TorchDevice
from rhohat.common.devices import PROCESSOR, Device
from rhohat.rows.partition import Partition
from rhohat.rows.placed import Placed, block_partition, device_under, placed
from rhohat.rows.sources import Head, in_memory

ROW_BYTES = 16 * 8


@pytest.fixture
def rows(rng):
    """6,000 rows."""
    return rng.random_sample((6000, 16))


@pytest.mark.torch
def test_as_many_rows_stay_there_as_there_is_memory_for(rows):
    source = Placed(in_memory(rows), TorchDevice("torch", memory=2500 * ROW_BYTES))
    for _ in range(2):
        read = [source.read(start, start + 1000) for start in range(0, 6000, 1000)]
    kept = [
        source.read(start, start + 1000) is part
        for start, part in zip(range(0, 6000, 1000), read, strict=True)
    ]
    assert kept == [True, True, False, False, False, False]


@pytest.mark.torch
def test_what_is_kept_is_left_behind_where_a_source_is_sent_to_another_process(rows):
    source = Placed(in_memory(rows), TorchDevice("torch", memory=10**9))
    source.read(0, 1000)
    other = pickle.loads(pickle.dumps(source))
    assert np.array_equal(other.read(0, 1000).X.numpy(), rows[:1000])
    assert len(pickle.dumps(source)) < 1.1 * rows.nbytes


def test_the_device_under_a_source_is_that_of_the_rows_that_it_is_made_of(rows):
    source, device = in_memory(rows, np.ones(len(rows))), TorchDevice("torch")
    assert device_under(source) is PROCESSOR
    assert placed(source, PROCESSOR) is source
    assert device_under(Head(Placed(source, device), 10)) is device


def test_the_wider_rows_and_codes_are_the_more_memory_a_block_takes(rows):
    class Asked(Device):
        """Remembers for how much memory a row needs it was asked."""

        def block_rows(self, row_bytes):
            asked.append(row_bytes)

    asked, source, wider = [], in_memory(rows), in_memory(np.hstack([rows, rows]))
    usual = Partition(1024, 1024)
    for made, k in ((source, 12), (source, 13), (wider, 12)):
        assert block_partition(usual, made, k, Asked()) is usual
    row = rows[0].nbytes + 12 * 8
    assert all(need >= row for need in asked)  # a row and its code at least
    assert asked[0] < asked[1] < asked[2]


def test_a_device_may_want_other_blocks(rows):
    usual, source = Partition(1024, 1024), in_memory(rows)
    assert block_partition(usual, source, 12, PROCESSOR) is usual
    assert block_partition(usual, source, 12, TorchDevice("torch")) is usual
    assert block_partition(usual, source, 12, TorchDevice("torch", block_size=50)) == (50, 50)
