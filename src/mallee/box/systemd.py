"""Where systemd runs it starts the supervisor at boot, by one unit per root directory.

`KillMode=process`: the end of the unit ends the supervisor, which ends the daemons, and nobody
ends the guests. Called by `up`, `down` and `destroy`. Elsewhere none of this is used.
"""

import os
import sys
from pathlib import Path

from mallee.box import status, steps
from mallee.kit import files, process
from mallee.model.layout import DEFAULT_ROOT, Layout

_UNITS = Path("/etc/systemd/system")

_UNIT = """\
# Written by `mallee up`.
[Unit]
Description=Mallee cloud under {root}
After=network-online.target local-fs.target
Wants=network-online.target

[Service]
ExecStart={python} -m mallee.box.supervisor --root {root}
{environment}Restart=always
RestartSec=1
# Guests and daemons are not the unit's to kill: the supervisor ends its daemons itself.
KillMode=process
TimeoutStopSec=60
Delegate=yes
StandardOutput=append:{log}/supervisor.log
StandardError=append:{log}/supervisor.log

[Install]
WantedBy=multi-user.target
"""


def is_running() -> bool:
    """Tell whether systemd runs this machine."""
    return Path("/run/systemd/system").is_dir()


def name(layout: Layout) -> str:
    """Return the unit's name."""
    if layout.root == DEFAULT_ROOT:
        return "mallee.service"
    return f"mallee-{layout.tag}.service"


def text(layout: Layout, python: str, module_path: str) -> str:
    """Return the unit's text."""
    environment = f"Environment=PYTHONPATH={module_path}\n" if module_path else ""
    return _UNIT.format(root=layout.root, python=python, environment=environment, log=layout.log)


def start(layout: Layout) -> str:
    """Write the unit and start it, also at every boot; raise `steps.Failed`."""
    unit = text(layout, sys.executable, os.environ.get("PYTHONPATH", ""))
    files.write_atomically(_UNITS / name(layout), unit.encode(), files.READABLE)
    try:
        process.run(["systemctl", "daemon-reload"])
        process.run(["systemctl", "enable", "--now", name(layout)], timeout_s=60)
    except (process.Failed, process.TimedOut) as error:
        raise steps.Failed(str(error), f"journalctl -u {name(layout)}") from error
    failure = steps.Failed("the supervisor did not start", f"journalctl -u {name(layout)}")
    steps.wait_until(lambda: status.find(layout, status.SUPERVISOR) is not None, 15.0, failure)
    return f"by systemd, as {name(layout)}"


def stop(layout: Layout) -> bool:
    """Stop the unit if there is one, for good; tell whether there was."""
    unit = _UNITS / name(layout)
    if not is_running() or not unit.exists():
        return False
    process.run(["systemctl", "disable", "--now", name(layout)], timeout_s=90)
    return True


def remove(layout: Layout) -> None:
    """Remove the unit."""
    unit = _UNITS / name(layout)
    if unit.exists():
        unit.unlink()
        process.run(["systemctl", "daemon-reload"])
