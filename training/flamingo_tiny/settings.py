"""What every command shares: the config file, the data folder, repeatable random numbers."""
import argparse
import json
import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def arguments(description, *more, config="tiny.json"):
    """--config and --data for every stage; `more` are (flag, options) pairs of the stage, `config` the file of the folder config that is read unless another is given."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--config", default=str(ROOT / "config" / config))
    parser.add_argument("--data", default=os.environ.get("FLAMINGO_TINY_DATA", str(ROOT / "work")))
    for flag, options in more:
        parser.add_argument(flag, **options)
    args = parser.parse_args()
    return args, read(Path(args.config)), Path(args.data)


def read(path):
    """A config file; one that names another in "extends" holds only what differs from it."""
    config = json.loads(path.read_text())
    return merged(read(path.parent / config.pop("extends")), config) if "extends" in config else config


def merged(base, changes):
    return base | {k: merged(base[k], v) if isinstance(v, dict) and isinstance(base.get(k), dict) else v for k, v in changes.items()}


def save_atomically(write, path):
    """A stage that is stopped while saving must still find its last good state."""
    temporary = Path(str(path) + ".part")
    write(temporary)
    os.replace(temporary, path)
