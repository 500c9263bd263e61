"""Opens the engine that this cloud keeps its objects with.

Called by the wiring of S3's process. Not its business: what the engine is asked (`seam`).
"""

from pathlib import Path

from mallee.walrus import engine, seam


def open_engine(root: Path) -> seam.Engine:
    """Open the engine, and put right what a kill left. Raises `BrokenIndex`, `NoSpace`."""
    return engine.Engine(root)
