"""`mallee hosts …` and `mallee services`: the machines of the cloud, and how each is."""

from typing import Any

from mallee.box import steps
from mallee.cli import client, words
from mallee.cli.root import DEFAULT, Root
from mallee.model.layout import Layout

_SERVICE = "mallee"


def list_hosts(*, retired: bool = False, root: Root = DEFAULT) -> None:
    """List the hosts: state, what they carry of what they can, what is kept, the causes, who leads
    to the world.

    Parameters
    ----------
    retired
        Show those too that are no part of the cloud any more.
    """
    asked = {"IncludeRetired": True} if retired else {}
    found = client.call(Layout(root), _SERVICE, "DescribeHosts", asked)["Hosts"]
    words.table(
        (
            *("host", "name", "zone", "state", "roles", "runs by"),
            *("vcpus", "memory MiB", "disk GiB", "kept"),
        ),
        [_host_row(each) for each in found],
    )
    for host in found:
        for said in dict.fromkeys((*host.get("Causes", ()), *host.get("Leftovers", ()))):
            words.tell(f"{host['Name']}: {said}")
        if "Gateway" in host:
            words.tell(f"{host['Name']}: gateway, {host['Gateway']}. {host['GatewayReason']}")


def show_events(host: str = "", *, root: Root = DEFAULT) -> None:
    """Show what became of a host and why, the latest first; of all unless one is named."""
    layout = Layout(root)
    asked = {"HostId": _id_of(layout, host)} if host else {}
    found = client.call(layout, _SERVICE, "ListHostEvents", asked)["Events"]
    words.table(
        ("at", "host", "state", "cause"),
        [(str(it["At"]), it["Name"], it["State"], " ".join(it["Causes"])) for it in found],
    )


def enable(host: str, *, root: Root = DEFAULT) -> None:
    """Let a host take instances and volumes again; by name or id."""
    _stand(root, host, "enabled")


def disable(host: str, *, root: Root = DEFAULT) -> None:
    """Let a host take nothing new; what it has goes on."""
    _stand(root, host, "disabled")


def drain(host: str, *, root: Root = DEFAULT) -> None:
    """Let a host take nothing, and have its guests moved to others."""
    _stand(root, host, "draining")


def maintain(host: str, *, root: Root = DEFAULT) -> None:
    """Take a host on which nothing runs out of the way, to work on it."""
    _stand(root, host, "maintenance")


def change(
    host: str, *, address: str = "", roles: str = "", is_off: bool = False, root: Root = DEFAULT
) -> None:
    """Change where a host is reached, or what it does; or say that it is off.

    Parameters
    ----------
    host
        Its name or id.
    address
        At which other hosts reach it.
    roles
        Of compute, gateway, storage, with commas between.
    is_off
        It is silent because it has no power, so another host may lead guests to the world in its
        place. Say so only of a machine that you have seen to be off: two must not lead.
    """
    asked: dict[str, Any] = {"Address": address} if address else {}
    if is_off:
        asked["IsOff"] = True
    if roles:
        asked["Roles"] = roles.split(",")
    if not asked:
        raise steps.Failed("nothing is to be changed", "say what: --address, --roles, --is-off")
    layout = Layout(root)
    _call(layout, "ModifyHost", {"HostId": _id_of(layout, host), **asked})


def retire(host: str, *, force: bool = False, root: Root = DEFAULT) -> None:
    """Take a host out of the cloud for good; from then on its certificate is refused.

    Parameters
    ----------
    host
        Its name or id.
    force
        Also while it keeps something: that is lost, and marked so.
    """
    layout = Layout(root)
    asked = {"HostId": _id_of(layout, host), "Force": force}
    told = _call(layout, "RetireHost", asked)
    for id in told.get("Lost", ()):
        words.tell(f"lost: {id}")
    words.tell("on that machine, if it is still there: mallee down --guests && mallee destroy")


def list_services(*, root: Root = DEFAULT) -> None:
    """List the services of the cloud and of its hosts, how each is, and why."""
    found = client.call(Layout(root), _SERVICE, "DescribeServices")["Services"]
    words.table(
        ("service", "zone", "name", "state", "cause"),
        [
            (it["Type"], it.get("Zone", ""), it["Name"], it["State"], " ".join(it["Causes"]))
            for it in found
        ],
    )


def _stand(root: Root, host: str, standing: str) -> None:
    layout = Layout(root)
    _call(layout, "ModifyHost", {"HostId": _id_of(layout, host), "Standing": standing})


def _call(layout: Layout, operation: str, asked: dict[str, Any]) -> dict[str, Any]:
    """Change a host, and show how it is then."""
    told = client.call(layout, _SERVICE, operation, asked)
    causes = " ".join(told["Host"].get("Causes", ()))
    words.give(f"{told['Host']['Name']}: {told['Host']['State']} {causes}".rstrip())
    return told


def _id_of(layout: Layout, host: str) -> str:
    """Return the id of a host that is named by it, or by its name."""
    found = client.call(layout, _SERVICE, "DescribeHosts", {"IncludeRetired": True})["Hosts"]
    for it in found:
        if it["HostId"] == host:
            return host
    # A name may be a newer host's too: one that is part of the cloud comes first.
    named = [it for it in found if it["Name"] == host]
    if not named:
        raise steps.Failed(f"there is no host {host}", "mallee hosts")
    return min(named, key=lambda it: it.get("Standing") == "retired")["HostId"]


def _host_row(host: dict[str, Any]) -> tuple[str, ...]:
    used, capacity = host.get("Used", {}), host.get("Capacity", {})
    return (
        host["HostId"],
        host["Name"],
        host["Zone"],
        host["State"],
        ",".join(host.get("Roles", ())),
        host.get("Acceleration", ""),
        *(
            f"{used.get(key, 0)} / {capacity.get(key, 0)}"
            for key in ("Vcpus", "MemoryMib", "DiskGib")
        ),
        _kept(host),
    )


def _kept(host: dict[str, Any]) -> str:
    """Tell for whom a host, or what part of it, is kept unused."""
    if "DedicatedHostId" in host:
        return f"for {host['DedicatedAccountId']} alone ({host['DedicatedHostId']})"
    reserved = host.get("Reserved", {})
    if not reserved.get("Vcpus"):
        return ""
    return f"{reserved['Vcpus']} vcpus, {reserved['MemoryMib']} MiB by reservations"
