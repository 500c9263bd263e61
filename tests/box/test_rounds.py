"""What the doctor says of hosts that cannot be asked."""

from mallee.box import rounds

SILENT = {"Name": "n2", "State": "NOTREADY", "Causes": ["Its agent is not heard any more."]}


def test_what_a_silent_host_had_to_do_for_the_world_is_told() -> None:
    plain = rounds.silent(SILENT)
    assert (plain.code, plain.cause) == ("host-silent", "Its agent is not heard any more.")
    reason = "Nobody takes over."
    standby = rounds.silent(SILENT | {"Gateway": "standby", "GatewayReason": reason})
    assert standby.cause == plain.cause
    leader = rounds.silent(SILENT | {"Gateway": "in charge", "GatewayReason": reason})
    assert leader.cause.endswith(reason)
