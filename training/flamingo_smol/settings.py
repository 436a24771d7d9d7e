"""The arguments that every command shares: those of flamingo_tiny (whose DATA holds features, pictures and texts, and is only read), and a folder of its own."""
import os
from pathlib import Path

from flamingo_tiny import settings


def arguments(description, *more):
    """-> (args, config, data); args.work is a Path."""
    own = ("--work", dict(type=Path, default=Path(os.environ.get("FLAMINGO_SMOL_WORK", settings.ROOT / "work" / "smol"))))
    return settings.arguments(description, own, *more, config="smol.json")
