"""What of moves between hosts an agent takes from its cloud."""

import pytest
from msgspec.structs import replace

from mallee.model.storage.moves import ArrivingWanted, LeavingWanted
from mallee.model.storage.volumes import VolumeWanted
from mallee.node.plan.trust import trustedvolumes

MOVE, HOST, WORD = "move-0123456789abcdef0", "host-0123456789abcdef0", "a" * 32
LEAVING = LeavingWanted(move_id=MOVE, to_host_id=HOST, word=WORD)
ARRIVING = ArrivingWanted(move_id=MOVE, from_host_id=HOST, port=8775, word=WORD)
VOLUME = VolumeWanted(id="vol-0123456789abcdef0", size_gib=1)


def test_moves_are_taken() -> None:
    trustedvolumes.check_volume(replace(VOLUME, leaving=LEAVING))
    trustedvolumes.check_volume(replace(VOLUME, arriving=ARRIVING, moved_as=MOVE))


@pytest.mark.parametrize(
    "volume",
    [
        replace(VOLUME, moved_as="../.."),
        replace(VOLUME, leaving=replace(LEAVING, move_id="")),
        replace(VOLUME, leaving=replace(LEAVING, to_host_id="mallee-cloud")),
        replace(VOLUME, leaving=replace(LEAVING, word="")),
        replace(VOLUME, arriving=replace(ARRIVING, from_host_id="*")),
        replace(VOLUME, arriving=replace(ARRIVING, word="é" * 32)),
        replace(VOLUME, arriving=replace(ARRIVING, port=1 << 16)),
        replace(VOLUME, arriving=replace(ARRIVING, port=-1)),
    ],
)
def test_what_is_no_move_is_refused(volume: VolumeWanted) -> None:
    with pytest.raises(trustedvolumes.NotTrusted):
        trustedvolumes.check_volume(volume)
