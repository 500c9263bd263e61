import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mallee.kit import pki

PROGRAM = """
import sys
from mallee.kit import logs
assert not {"colorama", "pygments", "rich"} & sys.modules.keys()
import rich.console
assert "rich" in sys.modules
"""
TRUSTING = """
import os, ssl, sys
import {module}
from aiohttp import connector
assert not connector._SSL_CONTEXT_VERIFIED.get_ca_certs()
assert len(ssl.create_default_context().get_ca_certs()) == 1
assert os.environ["SSL_CERT_FILE"] == sys.argv[1] and "SSL_CERT_DIR" not in os.environ
"""


def test_daemons_log_without_what_only_terminals_need_and_tools_have_it_still() -> None:
    subprocess.run([sys.executable, "-c", PROGRAM], check=True)


@pytest.mark.parametrize("module", ["mallee.cloud.daemon", "mallee.node.daemon"])
def test_daemons_read_no_authorities_but_those_they_are_told(module: str, tmp_path: Path) -> None:
    system = tmp_path / "ca.pem"
    system.write_bytes(pki.create_authority("system", time.time()).certificate_pem)
    environment = {**os.environ, "SSL_CERT_FILE": str(system)}
    environment.pop("SSL_CERT_DIR", None)
    program = [sys.executable, "-c", TRUSTING.format(module=module), str(system)]
    subprocess.run(program, check=True, env=environment)
