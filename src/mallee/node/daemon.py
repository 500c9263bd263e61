"""The agent's process: `python -m mallee.node.daemon --root DIR`.

It wires settings, ledger, hypervisor, network, metadata and sync together and holds no rule.
The supervisor starts it as root; SIGTERM ends it and leaves every guest running.
"""

from pathlib import Path


def main() -> None:
    """Read the command line and run the agent until SIGTERM or SIGINT."""
    raise NotImplementedError


async def run(root: Path) -> None:
    """Run the agent of the cloud under `root` until it is cancelled."""
    raise NotImplementedError
