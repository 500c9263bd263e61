"""How long a host waits for what its users upload."""

from mallee.node.transfers import transfers


def test_an_upload_is_looked_for_soon_and_then_ever_less() -> None:
    pauses = [0.0]
    while pauses[-1] < transfers.LAST_UPLOAD_RETRY_S:
        pauses.append(transfers.choose_pause(pauses[-1]))
    assert pauses[1:] == [1.0, 2.0, 4.0, 8.0, 16.0, 20.0]
    assert transfers.choose_pause(pauses[-1]) == transfers.LAST_UPLOAD_RETRY_S
