import { access } from 'node:fs/promises';
import { FlamingoError } from '../core/errors';
import type { VisionTokens } from './clip';
import type { ConvertPaths } from './settings';

/** A published checkpoint by its name, with what its authors say about it. What they do not say is left out. */
export interface Preset {
  /** Its repository on the hub. */
  name: string;
  /** As the authors round it. */
  parameters: string;
  parts: ConvertPaths;
  /** Which of CLIP's features it was trained with. */
  visionTokens?: VisionTokens;
  /** Blocks from one gated layer to the next. */
  crossAttentionEvery?: number;
  license?: string;
  note?: string;
}

/** open_clip's ViT-L-14 with `pretrained="openai"`, as Hugging Face has it. */
const CLIP_L = 'hf:openai/clip-vit-large-patch14';

/**
 * OpenFlamingo v2 (README of mlfoundations/open_flamingo, "Released OpenFlamingo models"). Released on 2023-06-28, before open_clip 2.23 moved the final norm in
 * front of the token features.
 */
function openFlamingo(name: string, language: string, crossAttentionEvery: number, more: Partial<Preset> = {}): Preset {
  return {
    name: `openflamingo/${name}`,
    parameters: /(\d+B)/.exec(name)?.[1] ?? '',
    parts: { vision: CLIP_L, language: `hf:${language}`, flamingo: `hf:openflamingo/${name}/checkpoint.pt` },
    visionTokens: 'before-post-norm',
    crossAttentionEvery,
    ...more,
  };
}

/** A checkpoint that holds all parts. */
function whole(name: string, parameters: string, more: Partial<Preset> = {}): Preset {
  return { name, parameters, parts: { model: `hf:${name}` }, ...more };
}

/** Over OPT, with the tokenizer that its processor takes for all OPTs: flamingo_processor.py. */
function flamingoMini(name: string, more: Partial<Preset> = {}): Preset {
  return { name, parameters: '', parts: { model: `hf:${name}`, tokenizer: 'hf:facebook/opt-30b' }, ...more };
}

const LLAMA_32 = {
  license: 'llama3.2',
  note: 'Llama 3.2 Community License; gated: accept it on the hub, then set HF_TOKEN.',
};

export const PRESETS: readonly Preset[] = [
  openFlamingo('OpenFlamingo-3B-vitl-mpt1b', 'anas-awadalla/mpt-1b-redpajama-200b', 1),
  openFlamingo('OpenFlamingo-3B-vitl-mpt1b-langinstruct', 'anas-awadalla/mpt-1b-redpajama-200b-dolly', 1),
  openFlamingo('OpenFlamingo-4B-vitl-rpj3b', 'togethercomputer/RedPajama-INCITE-Base-3B-v1', 2),
  openFlamingo('OpenFlamingo-4B-vitl-rpj3b-langinstruct', 'togethercomputer/RedPajama-INCITE-Instruct-3B-v1', 2),
  openFlamingo('OpenFlamingo-9B-vitl-mpt7b', 'anas-awadalla/mpt-7b', 4),
  openFlamingo('OpenFlamingo-9B-deprecated', 'huggyllama/llama-7b', 4, {
    note: 'Academic research only, by its card; over LLaMA-7B (v1).',
  }),
  whole('HuggingFaceM4/idefics-9b', '9B'),
  whole('HuggingFaceM4/idefics-9b-instruct', '9B'),
  whole('HuggingFaceM4/idefics-80b', '80B'),
  whole('HuggingFaceM4/idefics-80b-instruct', '80B'),
  whole('luodian/OTTER-Image-MPT7B', '9B', { note: 'Otter for pictures, over OpenFlamingo-9B-vitl-mpt7b.' }),
  whole('luodian/OTTER-Video-LLaMA7B-DenseCaption', '9B', { note: 'Otter for clips, over LLaMA-7B.' }),
  {
    name: 'med-flamingo/med-flamingo',
    parameters: '9B',
    parts: { vision: CLIP_L, language: 'hf:huggyllama/llama-7b', flamingo: 'hf:med-flamingo/med-flamingo/model.pt' },
    visionTokens: 'before-post-norm',
    crossAttentionEvery: 4,
    note: 'Over LLaMA-7B (v1); its authors took decapoda-research/llama-7b-hf.',
  },
  flamingoMini('dhansmair/flamingo-mini', { note: 'Captions only: trained on Conceptual Captions.' }),
  flamingoMini('dhansmair/flamingo-tiny'),
  whole('meta-llama/Llama-3.2-11B-Vision', '11B', LLAMA_32),
  whole('meta-llama/Llama-3.2-11B-Vision-Instruct', '11B', LLAMA_32),
  whole('meta-llama/Llama-3.2-90B-Vision', '90B', LLAMA_32),
  whole('meta-llama/Llama-3.2-90B-Vision-Instruct', '90B', LLAMA_32),
];

/** Options that a preset fills: what the caller gives wins. */
export type PresetOptions = ConvertPaths & Pick<Preset, 'visionTokens' | 'license'> & { name?: string };

/**
 * The options with the parts of the preset that `model` names (`owner/name`, or `hf:owner/name`); a folder of that name on this disk wins. Unchanged for other
 * models. Throws `not-found` for `owner/name` that is neither.
 */
export async function withPreset<O extends PresetOptions>(options: O): Promise<O> {
  const { model } = options;
  if (model === undefined || (await exists(model))) return options;
  const wanted = model.replace(/^hf:/, '').toLowerCase();
  const preset = PRESETS.find(({ name }) => name.toLowerCase() === wanted);
  if (preset) return filled(options, preset);
  if (!/^[\w-]+\/[\w.-]+$/.test(model)) return options;
  throw new FlamingoError('not-found', `--model: ${model} is neither a folder here nor the name of a preset.`, {
    hint: `convert --presets lists the presets; hf:${model} is a repository on the hub.`,
    details: { model },
  });
}

function filled<O extends PresetOptions>(options: O, { name, parts, visionTokens, license }: Preset): O {
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  return { ...options, visionTokens, license, name: name.split('/')[1], ...parts, ...given, model: parts.model };
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}
