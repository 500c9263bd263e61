"""What hosts may bring of flow logs: lines of those that they were told of, and no others."""

import dataclasses
import errno
from pathlib import Path

import pytest
from msgspec.structs import replace

from mallee.cloud.hosts import flowinbox, refusals
from mallee.kit import files
from mallee.model.hosts.hosts import HostWanted
from mallee.model.network.watching import FlowLogWanted
from tests.cloud.agent import Agent
from tests.cloud.running import RunningCloud
from tests.cloud.signing import Sender
from tests.node import lab, shapes

LOG = "fl-0123456789abcdef0"
NAME = f"{LOG}.60000.0123456789abcdef.gz"


def wanted(*ids: str) -> HostWanted:
    logs = tuple(
        FlowLogWanted(id=id, account_id="0" * 12, zone_id="", interface_ids=()) for id in ids
    )
    return lab.make_wanted(shapes.vpc(0, (), (), flow_logs=logs))


def test_a_host_brings_lines_of_its_own_logs_for_an_hour(tmp_path: Path) -> None:
    inbox = flowinbox.Inbox(tmp_path / "in")
    nothing = replace(wanted(), vpcs=())
    with pytest.raises(refusals.Refused, match="has nothing of"):
        inbox.check(nothing, "host-1", NAME, 0.0)
    parcel = inbox.check(wanted(LOG), "host-1", NAME, 0.0)
    assert inbox.check(nothing, "host-1", NAME, flowinbox.TOLD_S) == parcel
    with pytest.raises(refusals.Refused):
        inbox.check(nothing, "host-1", NAME, flowinbox.TOLD_S + 1)
    with pytest.raises(refusals.Refused):
        inbox.check(nothing, "host-2", NAME, 0.0)


@pytest.mark.parametrize("name", ["", "..", "../state.db", "fl-1.gz", f"{NAME}/x"])
def test_a_file_has_no_other_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(refusals.Refused) as refused:
        flowinbox.Inbox(tmp_path).check(wanted(LOG), "host-1", name, 0.0)
    assert refused.value.status == 400


def test_lines_brought_twice_are_kept_once_and_never_without_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox = flowinbox.Inbox(tmp_path / "in")
    parcel = inbox.check(wanted(LOG), "host-1", NAME, 0.0)
    inbox.keep("host-1", parcel, b"lines")
    inbox.keep("host-1", parcel, b"lines")
    assert [one.read_bytes() for one in inbox.path.iterdir()] == [b"lines"]
    monkeypatch.setattr(flowinbox, "BYTES_MAX", flowinbox.FILE_BYTES)
    with pytest.raises(refusals.Refused) as refused:
        inbox.keep("host-1", parcel, b"lines")
    assert refused.value.status == 503


OTHER_LOG = "fl-0123456789abcdef1"


def test_one_log_or_host_takes_the_room_of_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flowinbox, "LOG_BYTES_MAX", 2 * flowinbox.FILE_BYTES)
    monkeypatch.setattr(flowinbox, "HOST_BYTES_MAX", 3 * flowinbox.FILE_BYTES)
    inbox = flowinbox.Inbox(tmp_path / "in")

    def bring(host_id: str, log_id: str, number: int) -> int:
        name = f"{log_id}.60000.{number:016x}.gz"
        parcel = inbox.check(wanted(LOG, OTHER_LOG), host_id, name, 0.0)
        try:
            inbox.keep(host_id, parcel, b"")
        except refusals.Refused as refused:
            return refused.status
        return 204

    # What is lost is the log's own; what waits is the host's own, and it keeps it.
    assert [bring("host-1", LOG, number) for number in range(3)] == [204, 204, 413]
    assert [bring("host-1", OTHER_LOG, number) for number in range(2)] == [204, 503]
    assert bring("host-2", OTHER_LOG, 2) == 204


def test_what_is_delivered_while_others_are_counted_is_no_fault(tmp_path: Path) -> None:
    inbox = flowinbox.Inbox(tmp_path / "in")
    parcel = inbox.check(wanted(LOG), "host-1", NAME, 0.0)
    inbox.keep("host-1", parcel, b"lines")
    # It is in the list, and gone when it is looked at.
    (inbox.path / "delivered").symlink_to("nowhere")
    inbox.keep("host-1", parcel, b"lines")
    assert len(list(inbox.path.iterdir())) == 2


def test_a_disk_that_takes_nothing_has_hosts_keep_their_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    inbox = flowinbox.Inbox(tmp_path / "in")
    parcel = inbox.check(wanted(LOG), "host-1", NAME, 0.0)
    monkeypatch.setattr(files, "write_atomically", fill)
    with pytest.raises(refusals.Refused, match="ENOSPC") as refused:
        inbox.keep("host-1", parcel, b"lines")
    assert refused.value.status == 503


def test_who_was_told_of_a_log_long_ago_is_forgotten(tmp_path: Path) -> None:
    inbox = flowinbox.Inbox(tmp_path / "in")
    for number in range(100):
        log_id = f"fl-{number:017x}"
        name = f"{log_id}.60000.0123456789abcdef.gz"
        inbox.check(wanted(log_id), "host-1", name, number * flowinbox.TOLD_S)
    assert len(dataclasses.asdict(inbox)["_told"]) <= 3


# --- through the door ---


@pytest.fixture
def strange(cloud: RunningCloud, sender: Sender) -> tuple[Agent, str]:
    """An agent that has not joined, and a token."""
    answer = sender.ask("mallee", "CreateJoinToken")
    return Agent(cloud.agents_port, answer.element("CaCertificate")), answer.element("Token")


def test_only_a_host_that_carries_a_log_brings_its_lines(
    cloud: RunningCloud, strange: tuple[Agent, str]
) -> None:
    agent, token = strange
    path = f"/v1/flowlogs/{NAME}"
    assert agent.call("POST", path, b"lines")[0] == 401
    assert agent.join(token, "host-of-flows")[0] == 200
    status, answer = agent.call("POST", path, b"lines")
    assert (status, b"has nothing of" in answer) == (403, True)
    assert agent.call("POST", "/v1/flowlogs/..%2Fstate.db", b"lines")[0] == 400
    assert not cloud.layout.flow_inbox.exists()
