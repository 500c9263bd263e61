"""What is taken away leads to the cloud from where it is taken to."""

import json
import zipfile
from pathlib import Path

import pytest

from mallee.cli import client
from mallee.cli.people import cloud, credentials
from mallee.model.configuration import settings
from mallee.model.layout import Layout

KEY = {"account_id": "1" * 12, "access_key_id": "AKIAX", "secret_access_key": "s"}


@pytest.fixture
def layout(root_dir: Path) -> Layout:
    """A cloud that runs, as far as its files tell."""
    layout = Layout(root_dir)
    for path, told in ((layout.cloud_ports, {"services": 8773}), (layout.admin_credentials, KEY)):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(told))
    return layout


@pytest.mark.parametrize(
    ("listen", "address", "endpoint"),
    [
        ("127.0.0.1", "", "http://127.0.0.1:8773"),
        ("0.0.0.0", "", "http://127.0.0.1:8773"),
        ("0.0.0.0", "192.0.2.1", "http://192.0.2.1:8773"),
        ("192.0.2.1", "", "http://192.0.2.1:8773"),
        ("::", "2001:db8::1", "http://[2001:db8::1]:8773"),
    ],
)
def test_a_zip_leads_to_where_others_reach_the_cloud(
    layout: Layout, listen: str, address: str, endpoint: str
) -> None:
    held = settings.Settings(listen=listen, address=address)
    layout.settings.write_text(settings.encode(held))
    assert client.taken_away(layout).endpoint == endpoint
    file = layout.root / "mallee.zip"
    credentials.zip(file, root=layout.root)
    with zipfile.ZipFile(file) as packed:
        texts = [packed.read(name).decode() for name in packed.namelist()]
    assert any(endpoint in text for text in texts)


def test_the_key_of_another_account_leads_there_too(
    layout: Layout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    held = settings.Settings(listen="0.0.0.0", address="192.0.2.1")
    layout.settings.write_text(settings.encode(held))
    made = {
        "Account": {"AccountId": "2" * 12},
        "AccessKey": {"AccessKeyId": "AKIAY", "SecretAccessKey": "t"},
    }

    def call(*_: object) -> object:
        return made

    monkeypatch.setattr(client, "call", call)
    cloud.create_account("physics", root=layout.root)
    said = capsys.readouterr().out.splitlines()
    assert "export AWS_ENDPOINT_URL=http://192.0.2.1:8773" in said
    assert "export AWS_ACCESS_KEY_ID=AKIAY" in said
