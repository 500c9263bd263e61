import subprocess
import sys

PROGRAM = """
import sys
from mallee.kit import logs
assert "pygments" not in sys.modules and "rich" not in sys.modules
import rich.console
assert "rich" in sys.modules
"""


def test_daemons_log_without_what_only_terminals_need_and_tools_have_it_still() -> None:
    subprocess.run([sys.executable, "-c", PROGRAM], check=True)
