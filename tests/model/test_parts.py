"""An answer without what the agent has is, joined with that, the whole answer."""

import pytest
from msgspec.structs import replace

from mallee.model.hosts import parts
from mallee.model.hosts.hosts import HostWanted, Kept, SyncAnswer, VpcWanted


def _vpc(number: int) -> VpcWanted:
    return VpcWanted(
        id=f"vpc-{number}",
        cidr="10.0.0.0/16",
        link_index=number,
        subnets=(),
        groups=(),
        interfaces=(),
    )


KNOWN = HostWanted(
    generation=1,
    region="us-east-1",
    zone="us-east-1a",
    public_range="203.0.113.0/24",
    private_range="10.0.0.0/16",
    egress=False,
    vpcs=(_vpc(0), _vpc(1)),
    instances=(),
)


def test_what_was_left_out_is_taken_from_what_is_known() -> None:
    changed = replace(_vpc(1), link_index=7)
    answer = SyncAnswer(
        wanted=replace(KNOWN, generation=2, vpcs=(_vpc(2), changed)), kept=Kept(vpc_ids=("vpc-0",))
    )
    whole = parts.join_parts(answer, KNOWN)
    assert whole.kept is None
    assert whole.wanted == replace(KNOWN, generation=2, vpcs=(_vpc(0), changed, _vpc(2)))


def test_what_is_neither_told_nor_kept_is_gone() -> None:
    answer = SyncAnswer(wanted=replace(KNOWN, generation=2, vpcs=()), kept=Kept())
    assert parts.join_parts(answer, KNOWN).wanted == replace(KNOWN, generation=2, vpcs=())


@pytest.mark.parametrize("known", [None, replace(KNOWN, vpcs=())])
def test_what_is_left_out_and_not_known_is_missed(known: HostWanted | None) -> None:
    answer = SyncAnswer(wanted=replace(KNOWN, vpcs=()), kept=Kept(vpc_ids=("vpc-0",)))
    with pytest.raises(parts.PartsMissing):
        parts.join_parts(answer, known)


def test_a_whole_answer_needs_nothing() -> None:
    answer = SyncAnswer(wanted=KNOWN)
    assert parts.join_parts(answer, None) is answer
