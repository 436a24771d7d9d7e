"""Stage `features`: fit the projection, write vision.onnx, and compute the features of all pictures once.

    python -m flamingo_tiny.features --part 0 --parts 2      (one process per core; each part is resumable by shard)
"""
import json
import random
import time

import numpy as np
import onnxruntime

from . import pixels, pool, vision
from .settings import arguments, save_atomically

SHARD = 500


def session(path):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def fit_projection(config, data, rows):
    """PCA over patches of training pictures of every kind; whitening 0.5 = divide by the root of the standard deviation."""
    c, rng = config["vision"], random.Random(config["seed"])
    groups = [[e for e in rows if e["split"] == "train" and e["source"] == s] for s in ("photo", "icon", "scene", "easy")]
    chosen = [e for share, g in zip((0.45, 0.3, 0.2, 0.05), groups) for e in rng.sample(g, int(share * c["pca_pictures"]))]
    vision.write(data / "grid.onnx")
    run, paint = session(data / "grid.onnx"), pool.Painter(config, data)
    x = np.concatenate([run.run(None, {"pixels": pixels.normalise(paint(e))[None]})[0][0] for e in chosen]).astype(np.float64)
    mean = x.mean(0)
    values, vectors = np.linalg.eigh(np.cov((x - mean).T))
    keep = np.argsort(-values)[:c["content_channels"]]
    deviation = np.sqrt(values[keep])
    scale = deviation ** -c["whitening"]
    scale /= np.sqrt(np.mean((deviation * scale) ** 2))  # mean square of the features = 1
    positions = vision.position_code(c["position_channels"], 1.0)
    print("variance kept", values[keep].sum() / values.sum(), flush=True)
    return dict(mean=mean, matrix=vectors[:, keep] * scale, positions=positions)


def compute(config, data, rows, part, parts):
    run, paint, folder = session(data / "vision.onnx"), pool.Painter(config, data), data / "features"
    folder.mkdir(exist_ok=True)
    start, done = time.time(), 0
    for number, first in enumerate(range(0, len(rows), SHARD)):
        path = folder / f"{number:04d}.npy"
        if number % parts != part or path.exists():
            continue
        batch = [run.run(None, {"pixels": pixels.normalise(paint(e))[None]})[0][0].astype(np.float16) for e in rows[first:first + SHARD]]

        def write(temporary):
            with open(temporary, "wb") as f:
                np.save(f, np.stack(batch))
        save_atomically(write, path)
        done += len(batch)
        print(f"shard {number} of {len(rows) // SHARD}, {done / (time.time() - start):.1f} pictures/s", flush=True)


def main():
    args, config, data = arguments(__doc__, ("--part", dict(type=int, default=0)), ("--parts", dict(type=int, default=1)))
    rows = pool.entries(config, data)
    if not (data / "vision.onnx").exists():
        (data / "pictures.json").write_text(json.dumps(rows))
        vision.write(data / "vision.onnx", fit_projection(config, data, rows))
        vision.write_processor(data / "vision.json")
    compute(config, data, rows, args.part, args.parts)


if __name__ == "__main__":
    main()
