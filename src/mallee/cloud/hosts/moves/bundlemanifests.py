"""Manifests of bundles, as the cloud reads them itself: which key a host may have decrypted.

A host that carries a bundle in asks for the key that is in its manifest. The cloud reads that
manifest by the same credentials that the host has for it, so no host gets another bundle's key.
Called by `transferring`, in a thread: it blocks.
"""

import http.client
import time
from http import HTTPStatus
from urllib.parse import quote

from mallee.aws import bundles
from mallee.aws.bundles import Locked
from mallee.aws.signature import sending
from mallee.aws.signature.sending import Caller, Request
from mallee.cloud.hosts import refusals
from mallee.model.storage.transfers import Object

TIMEOUT_S = 30.0


def key_in(caller: Caller, place: Object) -> Locked:
    """Return the key that a manifest has for the cloud; raise `Refused`. Blocks."""
    try:
        return bundles.parse(_read(caller, place)).for_cloud
    except bundles.NotABundle as error:
        raise refusals.Refused(400, str(error)) from error
    except (OSError, http.client.HTTPException) as error:
        raise refusals.Refused(503, "the object store does not answer") from error


def _read(caller: Caller, place: Object) -> bytes:
    path = f"/{place.bucket}/{quote(place.key, safe='/-_.~')}"
    headers = sending.signed(caller, Request("GET", path), time.time())
    connection = http.client.HTTPConnection(caller.host, caller.port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        data = answer.read(bundles.MANIFEST_BYTES_MAX + 1)
    finally:
        connection.close()
    if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise refusals.Refused(503, "the object store does not answer")
    if answer.status != HTTPStatus.OK or len(data) > bundles.MANIFEST_BYTES_MAX:
        raise refusals.Refused(400, "the manifest cannot be read")
    return data
