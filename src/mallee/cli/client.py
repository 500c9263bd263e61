"""Clients of the cloud's public API, as any other program would make them, with botocore.

The administration API is a service model of our own in the same format, so botocore speaks it
too, once its loader knows where the model lies. Not its business: printing (`words`).
"""

import importlib.resources
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import botocore.config
import botocore.exceptions
import botocore.loaders
import botocore.session

from mallee.box import steps
from mallee.cli import words
from mallee.kit import files
from mallee.model import settings
from mallee.model.layout import Layout

ADMINISTRATION = "mallee"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a client needs to speak for an account: keys, region and endpoint."""

    access_key_id: str
    secret_access_key: str
    region: str
    endpoint: str

    def environment(self) -> dict[str, str]:
        """The variables that every AWS client understands."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_ENDPOINT_URL": self.endpoint,
        }


def read_credentials(layout: Layout) -> Credentials:
    """Return the administrator's credentials of the cloud under this root."""
    try:
        key: Mapping[str, str] = files.read_json(layout.admin_credentials)
        configured = settings.parse(layout.settings.read_text())
    except FileNotFoundError as error:
        raise steps.Failed(
            f"there is no cloud under {layout.root}",
            "`mallee up` starts one; `--root DIR` names another place",
        ) from error
    except PermissionError as error:
        raise steps.Failed(
            f"{error.filename} is for the machine's owner only", "run this with sudo"
        ) from error
    return Credentials(
        key["AccessKeyId"], key["SecretAccessKey"], configured.region, endpoint(layout)
    )


def endpoint(layout: Layout) -> str:
    """Return the URL of the cloud's services, as it listens now or will when it is up."""
    configured = settings.parse(layout.settings.read_text())
    port = configured.ports.services
    if layout.cloud_ports.exists():
        port = files.read_json(layout.cloud_ports)["services"]
    host = "127.0.0.1" if configured.listen in ("0.0.0.0", "::", "") else configured.listen
    return f"http://{host}:{port}"


class _Loader(botocore.loaders.Loader):
    """botocore's loader, which also knows our administration service."""

    def load_service_model(
        self, service_name: str, type_name: str, api_version: str | None = None
    ) -> Any:
        if service_name != ADMINISTRATION:
            return super().load_service_model(service_name, type_name, api_version)
        if type_name != "service-2":
            raise botocore.exceptions.UnknownServiceError(
                service_name=service_name, known_service_names=ADMINISTRATION
            )
        return _administration_model()


def _administration_model() -> Any:
    """Our model with what the stripped form leaves out and botocore wants."""
    document = importlib.resources.files("mallee.aws.models").joinpath("mallee.json")
    described = json.loads(document.read_bytes())
    for name, operation in described["operations"].items():
        operation["name"] = name
        operation.setdefault("http", {"method": "POST", "requestUri": "/"})
    return described


def connect(credentials: Credentials, service: str) -> Any:
    """Return a botocore client of the service."""
    session = botocore.session.Session()
    session.register_component("data_loader", _Loader([str(_models_of_botocore())]))
    return session.create_client(
        service,
        region_name=credentials.region,
        endpoint_url=credentials.endpoint,
        aws_access_key_id=credentials.access_key_id,
        aws_secret_access_key=credentials.secret_access_key,
        config=botocore.config.Config(retries={"mode": "standard", "max_attempts": 3}),
    )


def _models_of_botocore() -> Path:
    return Path(botocore.session.__file__).parent / "data"
