"""Pictures to pixels: the same steps as vision.json tells the web page (bicubic with antialias, shorter side, centre crop)."""
import numpy as np
from PIL import Image

SIZE = 224


def load(path):
    """Transparency over white, palettes to RGB before any resizing (PIL resizes palettes by nearest neighbour)."""
    im = Image.open(path)
    if im.mode in ("RGBA", "LA", "P"):
        im = im.convert("RGBA")
        im = Image.alpha_composite(Image.new("RGBA", im.size, "white"), im)
    return im.convert("RGB")


def fit(im):
    """Shorter side to 224, then the middle 224x224."""
    w, h = im.size
    scale = SIZE / min(w, h)
    im = im.resize((max(SIZE, round(w * scale)), max(SIZE, round(h * scale))), Image.BICUBIC)
    left, top = (im.width - SIZE) // 2, (im.height - SIZE) // 2
    return im.crop((left, top, left + SIZE, top + SIZE))


def random_crop(im, rng, smallest=0.6):
    """A square part of the picture, mirrored half of the time: the augmentation of photos."""
    side = int(min(im.size) * rng.uniform(smallest, 1))
    x, y = rng.randint(0, im.width - side), rng.randint(0, im.height - side)
    im = im.crop((x, y, x + side, y + side)).resize((SIZE, SIZE), Image.BICUBIC)
    return im.transpose(Image.FLIP_LEFT_RIGHT) if rng.random() < 0.5 else im


def normalise(im):
    """RGB 224x224 -> f32 [3,224,224], as vision.onnx takes it."""
    return ((np.asarray(im, np.float32) - 127) / 128).transpose(2, 0, 1)
