import { defaultCapacity } from '../../session/default-capacity';
import type { LoadProgress, ModelSource } from '../../session/load-types';
import { loadInWorker } from '../../worker/client';
import { type FlamingoModelOptions, validateLoad } from '../options';
import { Conversation } from './conversation';
import { asDomError } from './dom-errors';
import { readMessages } from './messages';
import { PARAMS, readCreateOptions } from './options';
import { PromptSession, type SessionParts } from './prompt-session';
import { type Load, SharedModel } from './shared-model';

/**
 * A class with the shape of Chrome's `LanguageModel`, over a model package. Few-shot examples are its `initialPrompts`. The model is loaded in a worker
 * when the first session is created, and shared by all of them.
 *
 *     const LanguageModel = defineLanguageModel('models/flamingo-tiny/');
 *     const session = await LanguageModel.create({ initialPrompts: [
 *       { role: 'user', content: [{ type: 'image', value: photo }] }, { role: 'assistant', content: 'dax' },
 *     ] });
 *     await session.prompt([{ role: 'user', content: [{ type: 'image', value: another }] }]);
 *
 * Throws `invalid-option` for wrong arguments. Source: https://github.com/webmachinelearning/prompt-api
 */
export function defineLanguageModel(
  source: string | URL | ModelSource | ReadonlyMap<string, Blob>,
  options: FlamingoModelOptions = {},
  load: Load = loadInWorker,
): typeof LanguageModel {
  const checked = validateLoad(source, options);
  const shared = new SharedModel(checked.source, checked.options, load);

  return class FlamingoLanguageModel extends PromptSession {
    static async create(asked: LanguageModelCreateOptions = {}): Promise<LanguageModel> {
      const { signal, monitor, initialPrompts = [] } = asked;
      try {
        const sampling = readCreateOptions(asked);
        const messages = await readMessages(initialPrompts);
        const model = await shared.get(monitor && progressEvents(monitor), signal);
        const begin = async (onOverflow: () => void) =>
          Conversation.begin(await model.createSession(), model.manifest.prompt, messages, onOverflow, signal);
        return await FlamingoLanguageModel.made({
          conversation: begin,
          sampling,
          contextWindow: defaultCapacity(model.contextLength),
        });
      } catch (error) {
        throw asDomError(error, signal);
      }
    }

    /** `downloadable` until a session was asked for: files that the browser kept are not looked at. */
    static async availability(asked: LanguageModelCreateCoreOptions = {}): Promise<Availability> {
      try {
        readCreateOptions(asked);
      } catch {
        return 'unavailable';
      }
      return shared.state;
    }

    static async params(): Promise<LanguageModelParams> {
      return PARAMS;
    }

    async clone({ signal }: LanguageModelCloneOptions = {}): Promise<LanguageModel> {
      return await FlamingoLanguageModel.made(await this.copy(signal));
    }

    private static async made(parts: SessionParts): Promise<LanguageModel> {
      const session = new FlamingoLanguageModel();
      await session.open(parts);
      return session;
    }
  };
}

/** Turns progress in bytes into the events of a CreateMonitor: `loaded` runs from 0 to 1. */
function progressEvents(monitor: CreateMonitorCallback): (progress: LoadProgress) => void {
  const target = Object.assign(new EventTarget(), { ondownloadprogress: null }) as CreateMonitor;
  monitor(target);
  return ({ phase, loadedBytes, totalBytes }) => {
    const loaded = phase === 'ready' ? 1 : totalBytes > 0 ? loadedBytes / totalBytes : 0;
    const event = new ProgressEvent('downloadprogress', { lengthComputable: true, loaded, total: 1 });
    target.ondownloadprogress?.(event);
    target.dispatchEvent(event);
  };
}
