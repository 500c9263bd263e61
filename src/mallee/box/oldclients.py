"""Where clients that do not know `AWS_ENDPOINT_URL` find the cloud: models of its services, which
botocore reads from the directory that `AWS_DATA_PATH` names.

Debian 12's AWS CLI is such a client: without them it would ask AWS itself. Called by
`mallee credentials env` and for commands in labs. Not its business: what the models are
(`aws.clientfiles`).
"""

import re
from pathlib import Path

from mallee.aws import clientfiles
from mallee.kit import files
from mallee.model.layout import Layout


def ensure_models(layout: Layout, bearer: clientfiles.Bearer) -> Path:
    """Have the models for an endpoint below this root, and return their directory; raises
    `OSError`. What is there and right is left as it is."""
    # A colon would end the path in `AWS_DATA_PATH`.
    place = layout.client_files / re.sub("[^a-z0-9.]+", "-", bearer.endpoint.lower())
    for name, text in clientfiles.models(bearer).items():
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text("utf-8") != text:
            files.write_atomically(path, text.encode(), files.READABLE)
    return place / clientfiles.MODELS
