"""Written-out attention and the grouping by picture, against the plain formulas."""
import unittest

import torch

from flamingo_tiny.model import Chunks, MaskedCrossAttention, PerceiverResampler, attend, heads

SEEN = torch.tensor([[0, 1, 1, 2, 2, 2], [1, 1, 1, 1, 2, 2]])  # pictures up to each token


def masked(module, x, media):
    """What MaskedCrossAttention stands for: scores of all latents of all pictures, all but the last picture's masked out."""
    k, v = module.to_kv(media.flatten(1, 2)).chunk(2, -1)
    owner = torch.arange(1, media.shape[1] + 1).repeat_interleave(media.shape[2])
    mask = (SEEN[..., None] == owner)[:, None]
    y = module.to_out(attend(heads(module.to_q(module.norm(x)), module.heads), heads(k, module.heads), heads(v, module.heads), mask))
    return y.masked_fill((SEEN == 0)[..., None], 0.0)


class CrossAttention(unittest.TestCase):
    def setUp(self):
        torch.manual_seed(1)
        self.x, self.media = torch.randn(2, 6, 16), torch.randn(2, 2, 3, 8)

    def test_a_token_reads_the_last_picture_before_it(self):
        module = MaskedCrossAttention(16, 8, 2, 4)
        torch.testing.assert_close(module(self.x, self.media, Chunks(SEEN, 2)), masked(module, self.x, self.media))

    def test_a_token_before_the_first_picture_gets_zero(self):
        module = MaskedCrossAttention(16, 8, 2, 4)
        self.assertEqual(module(self.x, self.media, Chunks(SEEN, 2))[0, 0].abs().sum().item(), 0.0)

    def test_grouping_comes_back(self):
        chunks = Chunks(SEEN, 2)
        torch.testing.assert_close(chunks.ungroup(chunks.group(self.x)), self.x.masked_fill((SEEN == 0)[..., None], 0.0))


class Resampler(unittest.TestCase):
    def test_one_frame_is_a_picture(self):
        torch.manual_seed(2)
        module = PerceiverResampler(8, 2, 2, 4, latents=5, frames=4)
        x = torch.randn(3, 7, 8)
        torch.testing.assert_close(module(x), module(x[:, None]))
        self.assertEqual(module(torch.randn(3, 4, 7, 8)).shape, (3, 5, 8))


class Attention(unittest.TestCase):
    def test_equals_torch(self):
        q, k, v = (torch.randn(2, 3, n, 4) for n in (5, 6, 6))
        want = torch.nn.functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(-2)
        torch.testing.assert_close(attend(q, k, v), want)


if __name__ == "__main__":
    unittest.main()
