import { type FlamingoConfig, selfBlocks } from '../format/config';

/** The graph's outputs that are the inputs past_* of the next run. */
export function presentNames(config: FlamingoConfig): string[] {
  return selfBlocks(config).flatMap((i) => [`present_key.${i}`, `present_value.${i}`]);
}
