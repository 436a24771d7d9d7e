import { ALIBI } from './cases-alibi';
import { LEARNED } from './cases-learned';
import { ROTARY } from './cases-rotary';
import type { FlamingoSpec } from './flamingo';

/**
 * Every family with sizes that no golden has: odd widths and depths, heads of no round size, padded tables, all kinds of files and types, both layouts of
 * CLIP, and each field of a config that changes what is computed.
 */
export const CHECKPOINTS: Record<string, FlamingoSpec> = { ...ROTARY, ...ALIBI, ...LEARNED };
