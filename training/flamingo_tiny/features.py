"""Stage `features`: fit the projection, write vision.onnx, and compute the features of all pictures once.

    python -m flamingo_tiny.features --part 0 --parts 2      (one process per core; each part is resumable by shard)
"""
import json
import random
import time

import numpy as np
import onnxruntime

from . import colours, pixels, pool, vision
from .settings import arguments, save_atomically
from .visuals import SHARD


def session(path):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def sample_of(config, rows):
    """Training pictures of every kind, to fit the projection on."""
    groups = [[e for e in rows if e["split"] == "train" and e["source"] == s] for s in ("photo", "icon", "scene", "easy")]
    rng = random.Random(config["seed"])
    return [e for share, g in zip((0.45, 0.3, 0.2, 0.05), groups) for e in rng.sample(g, int(share * config["vision"]["pca_pictures"]))]


def pca_channels(c):
    return c["content_channels"] - (colours.COUNT if c["colours"] else 0)


def fit_pca(config, data, pixels_of):
    """PCA over patches; whitening 0.5 = divide by the root of the standard deviation."""
    c = config["vision"]
    vision.write(data / "grid.onnx")
    run = session(data / "grid.onnx")
    x = np.concatenate([run.run(None, {"pixels": p[None]})[0][0] for p in pixels_of]).astype(np.float64)
    mean = x.mean(0)
    values, vectors = np.linalg.eigh(np.cov((x - mean).T))
    keep = np.argsort(-values)[:pca_channels(c)]
    deviation = np.sqrt(values[keep])
    scale = deviation ** -c["whitening"]
    scale /= np.sqrt(np.mean((deviation * scale) ** 2))  # mean square of the features = 1
    print("variance kept", values[keep].sum() / values.sum(), flush=True)
    matrix = vectors[:, keep] * scale
    return matrix, -mean @ matrix


def fit_projection(config, data, rows, known=None):
    """known: a vision.onnx whose PCA is taken over, so that a state trained on it stays of use."""
    c, paint = config["vision"], pool.Painter(config, data)
    chosen = [pixels.normalise(paint(e)) for e in sample_of(config, rows)]
    matrix, shift = vision.projection_of(known, pca_channels(c)) if known else fit_pca(config, data, chosen)
    scaling = colours.fit(np.concatenate([colours.shares(colours.fine(p[None])) for p in chosen]), c["whitening"]) if c["colours"] else None
    return dict(matrix=matrix, shift=shift, positions=vision.position_code(c["position_channels"], 1.0), colours=scaling)


def compute(config, data, rows, part, parts):
    run, paint, folder = session(data / "vision.onnx"), pool.Painter(config, data), data / "features"
    folder.mkdir(exist_ok=True)
    start, done = time.time(), 0
    for number, first in enumerate(range(0, len(rows), SHARD)):
        path, entries = folder / f"{number:04d}.npy", rows[first:first + SHARD]
        if number % parts != part or (path.exists() and len(np.load(path, mmap_mode="r")) == len(entries)):  # the last shard of a list that grew is shorter
            continue
        batch = [run.run(None, {"pixels": pixels.normalise(paint(e))[None]})[0][0].astype(np.float16) for e in entries]

        def write(temporary):
            with open(temporary, "wb") as f:
                np.save(f, np.stack(batch))
        save_atomically(write, path)
        done += len(batch)
        print(f"shard {number} of {len(rows) // SHARD}, {done / (time.time() - start):.1f} pictures/s", flush=True)


def main():
    args, config, data = arguments(__doc__, ("--part", dict(type=int, default=0)), ("--parts", dict(type=int, default=1)),
                                   ("--projection", dict(help="a vision.onnx whose PCA is kept")))
    rows = pool.entries(config, data)
    if not (data / "vision.onnx").exists():
        (data / "pictures.json").write_text(json.dumps(rows))
        vision.write(data / "vision.onnx", fit_projection(config, data, rows, args.projection))
        vision.write_processor(data / "vision.json")
    compute(config, data, rows, args.part, args.parts)


if __name__ == "__main__":
    main()
