from pathlib import Path

from mallee.box import systemd
from mallee.model.layout import DEFAULT_ROOT, Layout

GOLDEN = """\
# Written by `mallee up`.
[Unit]
Description=Mallee cloud under /var/lib/mallee
After=network-online.target local-fs.target
Wants=network-online.target

[Service]
ExecStart=/opt/mallee/venv/bin/python -m mallee.box.supervisor --root /var/lib/mallee
Restart=always
RestartSec=1
# Guests and daemons are not the unit's to kill: the supervisor ends its daemons itself.
KillMode=process
TimeoutStopSec=60
Delegate=yes
StandardOutput=append:/var/lib/mallee/log/supervisor.log
StandardError=append:/var/lib/mallee/log/supervisor.log

[Install]
WantedBy=multi-user.target
"""


def test_the_unit_ends_the_supervisor_and_no_guest() -> None:
    assert systemd.text(Layout(DEFAULT_ROOT), "/opt/mallee/venv/bin/python", "") == GOLDEN


def test_every_root_has_a_unit_of_its_own() -> None:
    names = {systemd.name(Layout(Path(root))) for root in ("/var/lib/mallee", "/a", "/b")}
    assert len(names) == 3
    assert "mallee.service" in names
