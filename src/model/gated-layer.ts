import { type FlamingoConfig, mediaHeads } from '../format/config';
import type { LedgerBuffer } from '../gpu/ledger';
import type { Bindable } from '../gpu/recording';
import { mediaCross } from '../kernels/attention/media-cross';
import { mediaProbabilities } from '../kernels/attention/media-probabilities';
import { mediaRange } from '../kernels/attention/media-range';
import { mediaRangeProbabilities } from '../kernels/attention/media-range-probabilities';
import { clearRows } from '../kernels/residual/clear-rows';
import { FeedForward, type Gate, Linear, recordHeadNorm } from './linear';
import { readsRanges } from './parts';
import type { Stage } from './stage';
import type { Norm, Weights } from './weights';

/** Keys and values of one gated layer for every medium, [slots, kvHeads, n, d] each. */
export interface MediaSlots {
  keys: LedgerBuffer;
  values: LedgerBuffer;
}

/** What the tokens of a step see, as the step's inputs say it: see stepInputs. */
export interface SeenMedia {
  seen: Bindable;
  entries: Bindable;
  open: Bindable;
}

/**
 * y = y + tanh(attn_gate) * xattn(norm(y), media); y = y + tanh(ff_gate) * ffw(y): five dispatches when decoding, six with a norm of q.
 * A token attends to the latents of its own medium, or of a range of media, and gets exactly zero where there is none.
 * Flamingo §2.2; open_flamingo/src/helpers.py GatedCrossAttentionBlock; transformers MllamaCrossAttentionDecoderLayer.
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

  /** y [rows, D] in place. */
  record(stage: Stage, y: LedgerBuffer, media: MediaSlots, seen: SeenMedia): void {
    const { heads, headDim: d, lead } = this.config.gated;
    const name = `gated.${this.index}`;
    const q = stage.scratch.get('media_q', heads * d);
    const attended = stage.scratch.get('media_attended', heads * d);
    this.toQ.record(stage, `${name}.to_q`, y, q);
    recordHeadNorm(stage, `${name}.norm_q`, this.normQ, q, { rows: stage.rows, heads, d, stride: heads * d });
    if (readsRanges(this.config)) this.recordRanges(stage, name, { q, y: attended, ...media }, seen);
    else this.recordCross(stage, name, { q, y: attended, ...media }, seen);
    this.toOut.record(stage, `${name}.to_out`, attended, y, this.attentionGate);
    const hidden = this.feedForward.recordUp(stage, `${name}.ff`, y);
    if (lead === 'no-feed-forward') {
      const params = { rows: stage.rows, cols: this.config.gated.feedForward.inner };
      stage.rec.add(`${name}.ff.clear`, clearRows, { buffers: { open: seen.open, x: hidden }, params });
    }
    this.feedForward.recordDown(stage, `${name}.ff`, hidden, y, this.feedForwardGate);
  }

  /** Every token sees one medium, or none. */
  private recordCross(stage: Stage, name: string, { q, y, keys, values }: Attention, { seen }: SeenMedia): void {
    const { heads, headDim: d } = this.config.gated;
    const n = this.config.resampler.latents;
    const params = { rows: stage.rows, heads, d, n, scale: d ** -0.5 };
    stage.rec.add(`${name}.attn`, mediaCross, { buffers: { q, media_index: seen, keys, values, y }, params });
    if (!stage.probabilities) return;
    const probabilities = stage.scratch.get(`probabilities.${this.index}`, heads * n);
    const buffers = { q, media_index: seen, keys, probabilities };
    stage.rec.add(`${name}.probabilities`, mediaProbabilities, { buffers, params });
    stage.rec.tap(`attention.${this.index}`, probabilities, n, heads);
  }

  /** Every token sees a range of media, and of each as many latents as its entry says. */
  private recordRanges(stage: Stage, name: string, { q, y, keys, values }: Attention, see: SeenMedia): void {
    const { heads, headDim: d } = this.config.gated;
    const n = this.config.resampler.latents;
    const params = { rows: stage.rows, heads, kv_heads: mediaHeads(this.config.gated), d, n, scale: d ** -0.5 };
    const inputs = { q, ranges: see.seen, media: see.entries, keys };
    stage.rec.add(`${name}.attn`, mediaRange, { buffers: { ...inputs, values, y }, params });
    if (!stage.probabilities) return;
    const count = stage.media;
    const probabilities = stage.scratch.get(`probabilities.${this.index} of ${count}`, heads * count * n);
    const all = { ...params, count };
    stage.rec.add(`${name}.probabilities`, mediaRangeProbabilities, {
      buffers: { ...inputs, probabilities },
      params: all,
    });
    stage.rec.tap(`attention.${this.index}`, probabilities, count * n, heads);
  }
}

/** Buffers of one attention: queries and result [rows, heads * d], keys and values of the layer. */
interface Attention extends MediaSlots {
  q: LedgerBuffer;
  y: LedgerBuffer;
}
