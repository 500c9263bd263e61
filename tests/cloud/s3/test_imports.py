import subprocess
import sys

PROGRAM = """
import sys
from mallee.cloud.s3 import daemon
for name in ("aiohttp", "joserfc", "sqlalchemy"):
    assert name not in sys.modules, name
"""


def test_s3_loads_nothing_that_only_others_need() -> None:
    subprocess.run([sys.executable, "-c", PROGRAM], check=True)
