import type { FlamingoConfig } from '../format/config';
import type { WeightReader } from '../model/weights';

/** tanh of the two gates of one gated layer: what share of its cross-attention and of its feed-forward is added. One number, or one per channel. */
export interface GateValues {
  /** The decoder block that the layer stands before, or is. */
  block: number;
  attention: readonly number[];
  feedForward: readonly number[];
}

/** The gates of every gated layer, from a package's weights. */
export async function readGates({ gated }: FlamingoConfig, weights: WeightReader): Promise<GateValues[]> {
  const gate = async (name: string) =>
    Array.from(new Float32Array((await weights.read(name)).slice().buffer), Math.tanh);
  return await Promise.all(
    gated.before.map(async (block, k) => ({
      block,
      attention: await gate(`gated.${k}.attn_gate`),
      feedForward: await gate(`gated.${k}.ff_gate`),
    })),
  );
}
