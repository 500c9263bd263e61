"""What bad cables do to frames, as text."""

from mallee.lab import cables, document, plan
from mallee.lab.document import Cable

TEXT = """
[hosts.a]
role = "bare"
nics = [{}, {cable = {loss_percent = 10, mtu = 1400, drop_vlans = [7], drop_udp = [4789]}}]
"""

RULES = """\
table netdev lab
delete table netdev lab
table netdev lab {
	chain w2a {
		type filter hook ingress device "w2a" priority 0; policy accept;
		meta length > 1400 counter drop
		vlan id 7 counter drop
		udp dport 4789 counter drop
		numgen random mod 100 < 10 counter drop
	}
	chain w2b {
		type filter hook ingress device "w2b" priority 0; policy accept;
		meta length > 1400 counter drop
		vlan id 7 counter drop
		udp dport 4789 counter drop
		numgen random mod 100 < 10 counter drop
	}
}
"""


def test_a_bad_cable_has_rules_and_a_good_one_none() -> None:
    wires = plan.wires(document.parse(TEXT), "x")
    told = {wire.name: wire.cable for wire in wires}
    assert cables.ruleset(wires, told) == RULES
    good = dict.fromkeys(told, document.GOOD)
    assert "chain" not in cables.ruleset(wires, good)


def test_what_ails_a_cable_is_said() -> None:
    assert cables.words(document.GOOD) == "good"
    assert cables.words(Cable(cut=True, loss_percent=5)) == "cut"
    assert cables.words(Cable(drop_udp=(4789,))) == "no UDP to port 4789"
    assert cables.words(Cable(loss_percent=5, delay_ms=20, mtu=1400, drop_vlans=(7, 8))) == (
        "loses 5 % each way; 20 ms each way; nothing larger than 1400; no frames of VLAN 7, 8"
    )
