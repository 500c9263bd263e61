"""A cloud with S3, an agent that has joined, and volumes and snapshots as if it had made them."""

import time
from collections.abc import Callable
from typing import Any

import msgspec

from mallee.cloud.state import records, store
from mallee.model.storage.passes import Pass, PassRequest
from mallee.model.storage.snapshots import Content, Snapshot
from mallee.model.storage.volumes import Volume
from mallee.node.do.storage.blockstore import Access, Blockstore
from tests.cloud.agent import FACTS, Agent
from tests.cloud.s3.running import RunningS3
from tests.cloud.signing import Sender


class Stand:
    """What a test of blocks needs."""

    def __init__(self, cloud: RunningS3) -> None:
        self.cloud = cloud
        self.account = cloud.admin["account_id"]
        self.agent = self.joined("host-1")
        self._ids = iter(range(1, 1000))

    def joined(self, name: str) -> Agent:
        """Another agent."""
        asked = Sender(self.cloud.port, self.cloud.admin).ask("mallee", "CreateJoinToken")
        agent = Agent(self.cloud.agents_port, asked.element("CaCertificate"))
        status, answer = agent.join(asked.element("Token"), name)
        assert status == 200, answer
        agent.sync(facts=msgspec.to_builtins(FACTS), seen={})
        return agent

    def transact(self, work: Callable[[store.Tx], Any]) -> Any:
        """Do something in the cloud's store."""
        return self.cloud.store.transact(work)

    def volume(self, account: str = "", **more: Any) -> str:
        """Write a volume of the agent's host down; return its id."""
        id = f"vol-{next(self._ids):017x}"
        doc = Volume(
            **{
                "id": id,
                "size_gib": 1,
                "type": "gp2",
                "iops": 100,
                "zone": "z",
                "host_id": self.agent.host_id,
                "created_at": time.time(),
                "is_made": True,
                **more,
            }
        )
        self.transact(lambda tx: tx.insert(records.VOLUME, account or self.account, id, doc))
        return id

    def snapshot(self, volume_id: str, account: str = "", **more: Any) -> str:
        """Write a snapshot down; return its id."""
        id = f"snap-{next(self._ids):017x}"
        doc = Snapshot(
            **{
                "id": id,
                "volume_id": volume_id,
                "size_gib": 1,
                "host_id": self.agent.host_id,
                "cut": 1,
                "started_at": time.time(),
                **more,
            }
        )
        self.transact(lambda tx: tx.insert(records.SNAPSHOT, account or self.account, id, doc))
        return id

    def ask_pass(self, account: str = "", writes_for: str = "", agent: Agent | None = None) -> Any:
        """Ask for a pass; return status and answer."""
        asked = PassRequest(account=account or self.account, writes_for=writes_for)
        return (agent or self.agent).post("/v1/passes", msgspec.to_builtins(asked))

    def shelf(self, account: str = "", writes_for: str = "") -> Blockstore:
        """The blocks of an account, as the agent's host may use them."""
        status, answer = self.ask_pass(account, writes_for)
        assert status == 200, answer
        given = msgspec.convert(answer, Pass)
        return Blockstore(lambda: Access(given, "127.0.0.1"))


def content(account: str, root: bytes, size_bytes: int = 1 << 30) -> Content:
    """What a snapshot has in the object store."""
    return Content(account=account, root=root.hex(), size_bytes=size_bytes)
