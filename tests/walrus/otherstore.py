"""Another S3 that stands where Ceph would: moto's, on loopback, until the block ends."""

# botocore makes its clients' methods as it runs: they have no types.
# pyright: reportUnknownMemberType=false

import logging
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import botocore.session
from moto.server import ThreadedMotoServer

from mallee.walrus.foreign import Access, Bucket

NAME = "bytes"


@dataclass(frozen=True, slots=True)
class Other:
    """The other store, asked as the engine asks it, and as its owner does."""

    access: Access
    bucket: Bucket
    client: Any

    def names(self) -> list[str]:
        """Return what lies there."""
        return sorted(self.bucket.names(""))


@contextmanager
def running() -> Generator[Other]:
    """Run it, with an empty bucket."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        access = Access(
            endpoint=f"http://{host}:{port}",
            bucket=NAME,
            region="us-east-1",
            access_key_id="AKIAEXAMPLE",
            secret_access_key="secret",
        )
        session: Any = botocore.session.get_session()
        client = session.create_client(
            "s3",
            endpoint_url=access.endpoint,
            region_name=access.region,
            aws_access_key_id=access.access_key_id,
            aws_secret_access_key=access.secret_access_key,
        )
        client.create_bucket(Bucket=NAME)
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=NAME):
            for one in page.get("Contents", ()):
                # What moto remembers is the process's, not the server's.
                client.delete_object(Bucket=NAME, Key=one["Key"])
        yield Other(access, Bucket(access), client)
    finally:
        server.stop()
