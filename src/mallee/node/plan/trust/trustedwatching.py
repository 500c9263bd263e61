"""What an agent takes from its cloud of watching: everything that becomes a line, a rule or a name
of a device. Part of `trustedvpcs`. Pure.
"""

import re
from ipaddress import ip_network

from mallee.model import ids
from mallee.model.network import flowlogs
from mallee.model.network.watching import FlowLogWanted, MirrorRuleWanted, MirrorWanted

_ACCOUNT = re.compile(r"[0-9]{12}")
_ZONE = re.compile(r"[A-Za-z0-9-]{0,64}")
_VNI_MAX = (1 << 24) - 1
_NUMBER_MAX = 32766
_PROTOCOL_MAX = 255
_PORT_MAX = 65535


def faults_of_log(log: FlowLogWanted) -> str | None:
    """Return what is wrong with a flow log; None: nothing."""
    if not _are_ids("fl", log.id) or not _are_ids("eni", *log.interface_ids, *log.other_zone_ids):
        return f"{log.id} of {', '.join(log.interface_ids)} as a flow log"
    zone_ids = (log.zone_id, *log.other_zone_ids.values())
    if not _ACCOUNT.fullmatch(log.account_id) or not all(map(_ZONE.fullmatch, zone_ids)):
        return f"a flow log of {log.account_id!r} in {', '.join(zone_ids)!r}"
    unknown = [field for field in log.fields if field not in flowlogs.VERSIONS]
    if unknown or not log.fields:
        return f"a flow log with the fields {unknown}"
    return None


def faults_of_mirror(mirror: MirrorWanted) -> str | None:
    """Return what is wrong with a traffic mirror session; None: nothing."""
    ends = (mirror.interface_id, mirror.target_interface_id)
    if not _are_ids("tms", mirror.id) or not _are_ids("eni", *ends):
        return f"{mirror.id} from {ends[0]} to {ends[1]}"
    if not (0 <= mirror.vni <= _VNI_MAX and 1 <= mirror.number <= _NUMBER_MAX):
        return f"{mirror.id} with number {mirror.number} and network {mirror.vni}"
    for rule in (*mirror.ingress, *mirror.egress):
        if not _is_right(rule):
            return f"{mirror.id} with the rule {rule}"
    return None


def _are_ids(prefix: str, *texts: str) -> bool:
    return all(ids.is_well_formed(text, prefix) for text in texts)


def _is_right(rule: MirrorRuleWanted) -> bool:
    cidrs = (rule.source, rule.destination)
    try:
        # A zone (`fe80::%…/64`) is no part of a range, and may be any text.
        families = {ip_network(cidr.replace("%", " ")).version for cidr in cidrs}
    except ValueError:
        return False
    ports = [port for both in (rule.source_ports, rule.destination_ports) for port in both or ()]
    are_ports = all(0 <= port <= _PORT_MAX for port in ports)
    return len(families) == 1 and 0 <= rule.protocol <= _PROTOCOL_MAX and are_ports
