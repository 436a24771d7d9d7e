import type { PromptTemplate } from '../format/manifest';
import type { TensorSource } from '../format/tensor-source';
import type { Described } from './families/fields';
import type { ConversionPlan } from './plan';
import type { WholeSettings } from './settings';
import type { ModelFolder } from './sources';
import type { TokenizerFile } from './tokenizer';
import type { VisionSource } from './vision-source';

/** A family whose published folders hold vision encoder, language model and what joins them in one checkpoint. */
export interface WholeFamily {
  name: string;
  /** Its checkpoints may leave their frozen tower out: then --vision names it. */
  takesVision?: boolean;
  /** By config.json, or by the names of tensors; no other file is needed. */
  recognises(folder: ModelFolder): boolean;
  /** Works everything out; reads no weights. The folder stays open until the package is written. */
  open(checkpoint: WholeCheckpoint): WholeModel | Promise<WholeModel>;
}

/** An opened folder, and what else it holds. */
export interface WholeCheckpoint {
  folder: ModelFolder;
  /** preprocessor_config.json; an empty config where there is none. */
  preprocessor: Described;
  tokenizer: TokenizerFile;
  /** flamingo.json, which published folders do not have. */
  settings: WholeSettings;
  /** --vision, for checkpoints that leave their frozen tower out. */
  visionPath?: string;
}

export interface WholeModel {
  vision: VisionSource;
  plan: ConversionPlan;
  prompt: PromptTemplate;
  /** The tokenizer with the tokens that the family adds, where the given one lacks them. */
  tokenizer: TokenizerFile;
}

/** A part of a whole checkpoint, as readers of single models take it. The whole stays the owner of the files. */
export function partOf(folder: ModelFolder, source: TensorSource, config = folder.config): ModelFolder {
  return { ...folder, source, config, async [Symbol.asyncDispose]() {} };
}
