"""Days on which who writes the trail is killed, and on which somebody changes what was written."""

import os
import signal
import threading

import botocore.exceptions
import pytest

from mallee.kit.chain import keyfile, segments, verify
from tests import wholecloud
from tests.clients import programs
from tests.wholecloud import Cloud

pytestmark = pytest.mark.machine

KILLS = 3
ANSWERED_BEFORE_A_KILL = 15


def report_of(cloud: Cloud) -> verify.Report:
    return verify.verify(cloud.layout.trail, keyfile.load(cloud.layout.trail_key))


def test_a_killed_cloud_owes_no_line_of_what_it_answered(cloud: Cloud) -> None:
    answered: list[str] = []
    stop = threading.Event()

    def change() -> None:
        ec2, number = cloud.client("ec2"), 0
        while not stop.is_set():
            number += 1
            name = f"trail-{threading.get_ident()}-{number}"
            try:
                made = ec2.create_key_pair(KeyName=name, KeyType="ed25519")
                answered.append(made["ResponseMetadata"]["RequestId"])
                gone = ec2.delete_key_pair(KeyName=name)
                answered.append(gone["ResponseMetadata"]["RequestId"])
            except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError):
                # Killed before the answer, or not there again yet: nothing was promised.
                continue

    threads = [threading.Thread(target=change) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(KILLS):
            enough = len(answered) + ANSWERED_BEFORE_A_KILL
            wholecloud.wait_until(lambda enough=enough: len(answered) > enough, 240.0, "answers")
            os.kill(cloud.daemon("cloud").pid, signal.SIGKILL)
        enough = len(answered) + ANSWERED_BEFORE_A_KILL
        wholecloud.wait_until(lambda: len(answered) > enough, 240.0, "answers after the last kill")
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    found = report_of(cloud)
    assert found.is_whole, found.faults
    files = segments.find_all(cloud.layout.trail)
    text = "".join(one.path.read_text(errors="replace") for one in files)
    assert [id for id in answered if id not in text] == []
    assert text.count('"chain":"resumed"') >= KILLS


def test_what_somebody_changed_is_found_by_the_command(cloud: Cloud) -> None:
    place = programs.mallee(cloud, "audit", "verify").out.splitlines()[-1]
    path = segments.find_all(cloud.layout.trail)[0].path
    whole = path.read_bytes()
    offset = whole.index(b'"peer":"127.')
    with open(path, "r+b") as file:
        # In place, as the cloud goes on writing to the file's end.
        file.seek(offset + len(b'"peer":"'))
        file.write(b"9")
    try:
        done = programs.mallee(cloud, "audit", "verify", "--through", place)
        assert done.status == 1
        assert "was changed" in done.out
        assert path.name in done.out
    finally:
        with open(path, "r+b") as file:
            file.seek(offset + len(b'"peer":"'))
            file.write(b"1")
    done = programs.mallee(cloud, "audit", "verify", "--through", place)
    assert done.status == 0, done.err
