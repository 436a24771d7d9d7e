"""Stage `reference`: what PyTorch computes for a handful of requests, so that the converted package can be checked.

    python -m flamingo_tiny.reference OUT [--state pictures]

Writes OUT/images (scenes drawn here, so that no picture needs a licence), OUT/requests.json, OUT/expected.json and
OUT/expected.safetensors in the form of the project's golden files. Features are computed through OUT's own vision.onnx.
"""
import json
import random
from pathlib import Path

import torch
from safetensors.torch import save_file

from . import features, pixels, scenes
from .model import Flamingo
from .settings import arguments
from .tokens import Text

PICTURES = 6
SHOT = "<image>Output: {}<|endofchunk|>"


def requests(captions):
    """id -> (prompt, number of pictures it uses)"""
    return {
        "caption": ("<image>Output:", 1), "question": ("<image>Question: What colour is it? Answer:", 1), "shape": ("<image>Question: What shape is it? Answer:", 1),
        "two-shot": (SHOT.format("dax") + SHOT.format("wug") + "<image>Output:", 3), "captions": ("".join(SHOT.format(c) for c in captions[:3]) + "<image>Output:", 4),
        "dialogue": ("<image>Question: How many shapes are there? Answer: one<|endofchunk|>Question: What is this? Answer:", 1), "text-only": ("Question: Hello! Answer:", 0),
        "shots-32": ("".join(SHOT.format(["dax", "wug"][i % 2]) for i in range(32)) + "<image>Output:", 33)}


class Reference:
    def __init__(self, model, text, out):
        self.model, self.text, self.session = model, text, features.session(out / "vision.onnx")

    def inputs(self, prompt):
        ids = self.text.tokenizer.encode(prompt, add_special_tokens=False).ids
        ids = torch.tensor([ids])
        return ids, (ids == self.text.image).cumsum(-1)

    @torch.no_grad()
    def run(self, prompt, images, new=24):
        ids, seen = self.inputs(prompt)
        x = torch.from_numpy(self.session.run(None, {"pixels": images})[0]) if len(images) else None
        latents = self.model.perceiver(x)[None] if x is not None else None
        first, greedy, margins = None, [], []
        for _ in range(new):
            logits = self.model(ids, latents, seen)
            first = logits[0] if first is None else first
            last = logits[0, -1].clone()
            last[self.text.image] = -float("inf")
            top = last.topk(2)
            greedy.append(int(top.indices[0]))
            margins.append(float(top.values[0] - top.values[1]))
            if greedy[-1] == self.text.end_of_chunk:
                break
            ids, seen = torch.cat([ids, top.indices[:1].view(1, 1)], 1), torch.cat([seen, seen[:, -1:]], 1)
        return first, latents, x, greedy, min(margins)


def main():
    args, config, data = arguments(__doc__, ("out", {}), ("--state", dict(default="pictures")))
    out, rng = Path(args.out), random.Random(config["seed"])
    (out / "images").mkdir(parents=True, exist_ok=True)
    model = Flamingo(config).eval()
    model.load_state_dict(torch.load(data / f"{args.state}.pt", map_location="cpu")["model"])
    drawn = [scenes.sample(rng, count=1) for _ in range(PICTURES)]
    names = [f"images/{i:02d}.png" for i in range(PICTURES)]
    for name, scene in zip(names, drawn):
        scenes.render(scene).save(out / name)
    reference, tensors, expected, asked = Reference(model, Text(data / "tokenizer.json"), out), {}, {}, []
    captions = [f"a {s['objects'][0]['colour']} {s['objects'][0]['shape']}" for s in drawn]
    for key, (prompt, count) in requests(captions).items():
        used = [names[i % PICTURES] for i in range(count)]
        images = [pixels.normalise(pixels.fit(pixels.load(out / n))) for n in used]
        stack = torch.stack([torch.from_numpy(i.copy()) for i in images]).numpy() if images else []
        logits, latents, x, greedy, margin = reference.run(prompt, stack)
        tensors |= {f"{key}/input_ids": reference.inputs(prompt)[0][0].int(), f"{key}/logits": logits}
        if count:
            tensors |= {f"{key}/latents": latents[0]}
        if key == "two-shot":
            tensors |= {f"{key}/pixels": torch.from_numpy(stack), f"{key}/features": x[:, None]}
        expected[key] = {"prompt": prompt, "images": used, "frames": 1, "greedy_ids": greedy, "greedy_text": reference.text.decode(greedy), "smallest_margin": margin}
        asked.append({"id": key, "prompt": prompt, "images": used, "outputs": ["input_ids", "logits"] + (["latents"] if count else []) + (["pixels", "features"] if key == "two-shot" else []), "generate": {"max_new_tokens": 24}})
        print(key, repr(expected[key]["greedy_text"]), round(margin, 3))
    save_file({k: v.contiguous() for k, v in tensors.items()}, str(out / "expected.safetensors"))
    (out / "expected.json").write_text(json.dumps(expected, indent=1))
    (out / "requests.json").write_text(json.dumps({"requests": asked}, indent=1))
    print("truth of the pictures:", captions)


if __name__ == "__main__":
    main()
