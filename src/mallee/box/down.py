"""Takes the daemons of this machine down and, unless asked otherwise, leaves every guest running.

`mallee down` runs this list; `mallee up` finds the guests again, or starts them again.
Not its business: what guests are (`guests`), and their end for good (`destroy`).
"""

import signal

from mallee.box import guests, status, steps, supervisor, systemd
from mallee.model.layout import Layout
from mallee.node.do.network import dhcp

_STOP_S_MAX = supervisor.STOP_S_MAX * (len(status.DAEMONS) + 1)


def plan(layout: Layout, power_off: bool = False) -> tuple[steps.Step, ...]:
    """Return the steps; `power_off`: guests are asked to end too, and `up` starts them again."""
    if power_off:
        last = (
            steps.Step("Power the guests off", lambda say: guests.power_off(layout, say)),
            # They know the root directory as it is; another one may be put in its place now.
            steps.Step("Stop what served them", lambda say: f"{dhcp.stop_all(layout)} ended"),
        )
    else:
        last = (steps.Step("Leave the guests", lambda say: _count_guests(layout)),)
    return (*daemon_steps(layout), *last)


def daemon_steps(layout: Layout) -> tuple[steps.Step, ...]:
    """Return the steps that end the daemons and touch no guest."""
    return (
        steps.Step("Stop the supervisor and its daemons", lambda say: _stop_supervisor(layout)),
        steps.Step("See that no daemon is left", lambda say: _stop_leftovers(layout)),
    )


def _stop_supervisor(layout: Layout) -> str:
    if systemd.stop(layout):
        return f"{systemd.name(layout)} is stopped"
    found = status.find(layout, status.SUPERVISOR)
    if found is None:
        return "no supervisor runs"
    found.signal(signal.SIGTERM)
    failure = steps.Failed(
        f"the supervisor ({found.pid}) did not end within {_STOP_S_MAX:g} s",
        f"read {layout.log / 'supervisor.log'}; kill -9 {found.pid} ends it, and no guest",
    )
    steps.wait_until(lambda: not found.is_alive(), _STOP_S_MAX, failure)
    return "all daemons have ended"


def _stop_leftovers(layout: Layout) -> str:
    """Stop daemons whose supervisor was killed before."""
    stopped: list[str] = []
    for name in reversed(status.DAEMONS):
        found = status.find(layout, name)
        if found is None:
            continue
        found.signal(signal.SIGTERM)
        failure = steps.Failed(f"{name} ({found.pid}) does not end", f"kill -9 {found.pid}")
        try:
            steps.wait_until(lambda p=found: not p.is_alive(), supervisor.STOP_S_MAX, failure)
        except steps.Failed:
            found.signal(signal.SIGKILL)
            steps.wait_until(lambda p=found: not p.is_alive(), supervisor.STOP_S_MAX, failure)
        status.pid_file(layout, name).unlink(missing_ok=True)
        stopped.append(name)
    return f"stopped {', '.join(stopped)}" if stopped else "none was left"


def _count_guests(layout: Layout) -> str:
    return f"{len(guests.fetch(layout))} go on running"
