"""What an agent refuses to watch, whatever its cloud says."""

import pytest
from msgspec.structs import replace

from mallee.model.network.watching import FlowLogWanted, MirrorRuleWanted, MirrorWanted
from mallee.node.plan.trust import trustedwatching

ENI = "eni-0123456789abcdef0"
LOG = FlowLogWanted(
    id="fl-0123456789abcdef0", account_id="000000000001", zone_id="use1-az1", interface_ids=(ENI,)
)
RULE = MirrorRuleWanted(is_accepted=True, source="10.0.0.0/8", destination="0.0.0.0/0", protocol=6)
MIRROR = MirrorWanted(
    id="tms-0123456789abcdef0",
    interface_id=ENI,
    target_interface_id="eni-0123456789abcdef1",
    number=1,
    vni=7,
    ingress=(RULE,),
)


def test_what_is_in_order_is_taken() -> None:
    assert trustedwatching.faults_of_log(LOG) is None
    assert trustedwatching.faults_of_mirror(MIRROR) is None


@pytest.mark.parametrize(
    "log",
    [
        replace(LOG, id="fl-../../etc"),
        replace(LOG, interface_ids=('eni-1" accept',)),
        replace(LOG, account_id="1\n2"),
        replace(LOG, zone_id="a b"),
        replace(LOG, other_zone_ids={ENI: "a b"}),
        replace(LOG, other_zone_ids={"eni": "use1-az2"}),
        replace(LOG, fields=("version", "secret")),
        replace(LOG, fields=()),
    ],
)
def test_a_log_that_no_cloud_could_want_is_refused(log: FlowLogWanted) -> None:
    assert trustedwatching.faults_of_log(log) is not None


@pytest.mark.parametrize(
    "mirror",
    [
        replace(MIRROR, id="tms-x"),
        replace(MIRROR, target_interface_id="lo"),
        replace(MIRROR, vni=1 << 24),
        replace(MIRROR, number=0),
        replace(MIRROR, egress=(replace(RULE, source="10.0.0.0/8 drop"),)),
        replace(MIRROR, egress=(replace(RULE, source="::/0"),)),
        replace(MIRROR, egress=(replace(RULE, source="::%0 } accept\n/64", destination="::/0"),)),
        replace(MIRROR, egress=(replace(RULE, protocol=256),)),
        replace(MIRROR, egress=(replace(RULE, source_ports=(1, 65536)),)),
    ],
)
def test_a_mirror_that_no_cloud_could_want_is_refused(mirror: MirrorWanted) -> None:
    assert trustedwatching.faults_of_mirror(mirror) is not None
