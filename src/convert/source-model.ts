import { FlamingoError } from '../core/errors';
import type { PromptTemplate } from '../format/manifest';
import { Cleanup } from '../session/cleanup';
import type { VisionTokens } from './clip';
import { type ConversionPlan, planConversion } from './plan';
import { checkVocabulary, completeTokenizer, promptOf } from './prompt';
import { type ConvertPaths, resolvePaths } from './settings';
import { findWeights, openModel, openWeights } from './sources';
import { readTokenizer, type TokenizerFile } from './tokenizer';
import { openVision, type VisionSource } from './vision-source';
import { isWholeFolder, openWhole } from './whole';

export interface SourceOptions extends ConvertPaths {
  /** Wins over flamingo.json. */
  visionTokens?: VisionTokens;
  /** Leave CLIP's text tower out, where the vision source has one. */
  noTextTower?: boolean;
}

/** A model whose files are open, in parts or in one checkpoint: everything that is known before a byte is written. */
export interface SourceModel extends AsyncDisposable {
  name: string;
  baseModels: string[];
  vision: VisionSource;
  plan: ConversionPlan;
  tokenizer: TokenizerFile;
  prompt: PromptTemplate;
  /** Everything that should be said of the conversion, the plan's notes included. */
  notes: string[];
}

/** Opens what the options name: a folder of one checkpoint, or parts. Nothing stays open when it throws. */
export async function openSourceModel(options: SourceOptions): Promise<SourceModel> {
  if (options.model === undefined || !(await isWholeFolder(options.model))) return await openParts(options);
  for (const [flag, given] of Object.entries({
    '--language': options.language,
    '--flamingo': options.flamingo,
    '--vision-tokens': options.visionTokens,
  })) {
    if (given === undefined) continue;
    throw new FlamingoError(
      'invalid-option',
      `${flag} does not go with --model ${options.model}, which holds one whole model.`,
      {
        hint: `Leave ${flag} out.`,
        details: { flag, model: options.model },
      },
    );
  }
  return await openWhole(options.model, options);
}

/** Vision encoder, language model and the checkpoint that joins them, each from its own place. */
async function openParts(options: SourceOptions): Promise<SourceModel> {
  const { name, baseModels, settings, ...paths } = await resolvePaths(options);
  const open = new Cleanup();
  try {
    const vision = open.use(
      await openVision(
        paths.vision,
        { tokens: options.visionTokens ?? settings.vision_tokens },
        options.noTextTower !== true,
      ),
    );
    const language = open.use(await openModel('--language', paths.language));
    const delta = open.use(await openWeights(await findWeights('--flamingo', paths.flamingo)));
    const given = await readTokenizer(paths.tokenizer);
    const plan = await planConversion({ vision, language, delta, tokens: given.tokens }, settings);
    const notes = [...paths.notes, ...(vision.notes ?? []), ...plan.notes];
    const tokenizer = completeTokenizer(given, settings, plan.config.vocab, notes);
    const prompt = promptOf(tokenizer, settings, plan.config.vocab);
    checkVocabulary(tokenizer, plan.config.vocab, notes);
    return { name, baseModels, vision, plan, tokenizer, prompt, notes, [Symbol.asyncDispose]: () => open.run() };
  } catch (error) {
    await open.run();
    throw error;
  }
}
