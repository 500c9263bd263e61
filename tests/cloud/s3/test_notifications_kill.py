"""SIGKILL between an object's commit and its telling: what was acknowledged is told anyway."""

import random
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from mallee.cli import client
from mallee.model.configuration.settings import Settings, Webhooks
from tests.cloud.s3 import listener as listeners
from tests.cloud.s3 import processes
from tests.cloud.s3.processes import Processes

ROUNDS = 3
WRITERS = 3
PUTS = 25


def write_until_killed(
    made: Processes, writer: int, chance: random.Random
) -> list[tuple[str, str]]:
    """Put versions of few keys, kill S3 somewhere among them; return what was acknowledged."""
    acknowledged: list[tuple[str, str]] = []
    enough = threading.Event()
    most = chance.randrange(5, WRITERS * PUTS)

    def write(number: int) -> None:
        s3: Any = made.client("s3", read_timeout=10)
        with suppress(ClientError, BotoCoreError):
            for count in range(PUTS):
                key = f"k{writer}-{number}-{count % 3}"
                put = s3.put_object(Bucket="told", Key=key, Body=b"x")
                acknowledged.append((key, put["VersionId"]))
                if len(acknowledged) >= most:
                    enough.set()

    threads = [threading.Thread(target=write, args=(number,)) for number in range(WRITERS)]
    for thread in threads:
        thread.start()
    enough.wait(30)
    made.restart("s3")
    for thread in threads:
        thread.join()
    return acknowledged


def test_what_was_acknowledged_is_told_in_order(root_dir: Path) -> None:
    chance = random.Random(1)
    settings = Settings(webhooks=Webhooks(local=True))
    acknowledged: list[tuple[str, str]] = []
    with listeners.listening() as listener, processes.started(root_dir, settings) as made:
        asked = {"Name": "hook", "Url": listener.url}
        arn = client.call(made.layout, "mallee", "CreateWebhook", asked)["Webhook"]["Arn"]
        s3 = made.client("s3")
        s3.create_bucket(Bucket="told")
        s3.put_bucket_versioning(Bucket="told", VersioningConfiguration={"Status": "Enabled"})
        configuration = {"TopicArn": arn, "Events": ["s3:ObjectCreated:*"]}
        s3.put_bucket_notification_configuration(
            Bucket="told", NotificationConfiguration={"TopicConfigurations": [configuration]}
        )
        # A server that takes one message and not the next leaves events of every age behind.
        listener.answer = lambda: chance.choice((200, 503))
        for number in range(ROUNDS):
            acknowledged += write_until_killed(made, number, chance)
        listener.answer = lambda: 200

        def told() -> list[tuple[str, str, str]]:
            things = [one["s3"]["object"] for one in listener.records]
            return [(one["key"], one["versionId"], one["sequencer"]) for one in things]

        wanted = set(acknowledged)
        listener.wait(lambda: wanted <= {one[:2] for one in told()}, "what was acknowledged")
        first: dict[tuple[str, str], str] = {}
        for key, version, sequencer in told():
            assert first.setdefault((key, version), sequencer) == sequencer
        order = list(first.values())
        assert order == sorted(order)
        assert len(wanted) > ROUNDS
