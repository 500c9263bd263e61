"""`mallee accounts` and `mallee hosts`: the cloud's administration, by its own API."""

import dataclasses
from typing import Any

from mallee.cli import client, words
from mallee.cli.root import DEFAULT, Root
from mallee.model.layout import Layout

_SERVICE = "mallee"


def create_account(name: str, *, root: Root = DEFAULT) -> None:
    """Make another account and print its access key; the secret is shown this once."""
    layout = Layout(root)
    made = client.call(layout, _SERVICE, "CreateAccount", {"AccountName": name})
    tenant = dataclasses.replace(
        client.access(layout),
        account_id=made["Account"]["AccountId"],
        access_key_id=made["AccessKey"]["AccessKeyId"],
        secret_access_key=made["AccessKey"]["SecretAccessKey"],
    )
    words.tell(f"account {made['Account']['AccountId']} ({name})")
    for variable, value in client.environment(tenant).items():
        words.give(f"export {variable}={value}")


def list_accounts(*, root: Root = DEFAULT) -> None:
    """List the accounts."""
    found = client.call(Layout(root), _SERVICE, "ListAccounts")["Accounts"]
    words.table(
        ("account", "name", "made"),
        [(each["AccountId"], each["AccountName"], str(each["CreateDate"])) for each in found],
    )


def list_hosts(*, root: Root = DEFAULT) -> None:
    """List the hosts: state, what they carry of what they can, what is kept, their problems."""
    found = client.call(Layout(root), _SERVICE, "DescribeHosts")["Hosts"]
    words.table(
        ("host", "name", "zone", "state", "runs by", "vcpus", "memory MiB", "disk GiB", "kept"),
        [_host_row(each) for each in found],
    )
    for host in found:
        for problem in (*host.get("Problems", ()), *host.get("Leftovers", ())):
            words.tell(f"{host['Name']}: {problem}")


def _host_row(host: dict[str, Any]) -> tuple[str, ...]:
    used, capacity = host.get("Used", {}), host.get("Capacity", {})
    return (
        host["HostId"],
        host["Name"],
        host["Zone"],
        host["State"],
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
