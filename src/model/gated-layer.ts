import type { FlamingoConfig } from '../format/config';
import type { LedgerBuffer } from '../gpu/ledger';
import type { Bindable } from '../gpu/recording';
import { mediaCross } from '../kernels/attention/media-cross';
import { mediaProbabilities } from '../kernels/attention/media-probabilities';
import { FeedForward, type Gate, Linear, recordHeadNorm } from './linear';
import type { Stage } from './stage';
import type { Norm, Weights } from './weights';

/** Keys and values of one gated layer for every medium, [slots, heads, n, d] each. */
export interface MediaSlots {
  keys: LedgerBuffer;
  values: LedgerBuffer;
}

/**
 * y = y + tanh(attn_gate) * xattn(norm(y), media); y = y + tanh(ff_gate) * ffw(y): five dispatches when decoding, six with a norm of q.
 * A token attends to the latents of its own medium only, and gets exactly zero where no medium came before it.
 * Flamingo §2.2; open_flamingo/src/helpers.py GatedCrossAttentionBlock.
 */
export class GatedLayer {
  private readonly toQ: Linear;
  private readonly normQ: Norm | undefined;
  private readonly toOut: Linear;
  private readonly feedForward: FeedForward;
  private readonly attentionGate: Gate;
  private readonly feedForwardGate: Gate;

  constructor(
    weights: Weights,
    private readonly index: number,
    private readonly config: FlamingoConfig,
  ) {
    const { gated } = config;
    const at = `gated.${index}`;
    this.toQ = new Linear(weights.matrix(`${at}.to_q.weight`), { norm: weights.norm(`${at}.norm`, gated.norm) });
    this.normQ = gated.qkNorm ? weights.norm(`${at}.norm_q`, gated.qkNorm) : undefined;
    this.toOut = new Linear(weights.matrix(`${at}.to_out.weight`));
    this.feedForward = new FeedForward(
      weights.matrix(`${at}.ff.up.weight`),
      weights.matrix(`${at}.ff.down.weight`),
      gated.feedForward,
      {
        norm: weights.norm(`${at}.ff.norm`, gated.norm),
        upBias: weights.vector(`${at}.ff.up.bias`),
        downBias: weights.vector(`${at}.ff.down.bias`),
      },
    );
    this.attentionGate = weights.gate(`${at}.attn_gate`);
    this.feedForwardGate = weights.gate(`${at}.ff_gate`);
  }

  /** y [rows, D] in place; `seen` [rows] holds the slot of each token's medium, or -1. */
  record(stage: Stage, y: LedgerBuffer, media: MediaSlots, seen: Bindable): void {
    const { heads, headDim: d } = this.config.gated;
    const n = this.config.resampler.latents;
    const name = `gated.${this.index}`;
    const q = stage.scratch.get('media_q', heads * d);
    const attended = stage.scratch.get('media_attended', heads * d);
    const params = { rows: stage.rows, heads, d, n, scale: d ** -0.5 };
    this.toQ.record(stage, `${name}.to_q`, y, q);
    recordHeadNorm(stage, `${name}.norm_q`, this.normQ, q, { rows: stage.rows, heads, d, stride: heads * d });
    stage.rec.add(`${name}.attn`, mediaCross, {
      buffers: { q, media_index: seen, keys: media.keys, values: media.values, y: attended },
      params,
    });
    if (stage.probabilities) {
      const probabilities = stage.scratch.get(`probabilities.${this.index}`, heads * n);
      const buffers = { q, media_index: seen, keys: media.keys, probabilities };
      stage.rec.add(`${name}.probabilities`, mediaProbabilities, { buffers, params });
      stage.rec.tap(`attention.${this.index}`, probabilities, n, heads);
    }
    this.toOut.record(stage, `${name}.to_out`, attended, y, this.attentionGate);
    const hidden = this.feedForward.recordUp(stage, `${name}.ff`, y);
    this.feedForward.recordDown(stage, `${name}.ff`, hidden, y, this.feedForwardGate);
  }
}
