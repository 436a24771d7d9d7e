import { LitElement } from 'lit';
import type { LoadOptions } from '../session/load-types';
import type { GenerateOptions } from '../session/types';
import type { Labels } from './labels';
import type { Sample } from './view-empty';

/** The embedded model, where the page serves it. */
export const DEFAULT_MODEL = 'models/flamingo-tiny/';

/** What a page can set on `<flamingo-chat>`, as attributes or as properties, and what stands when it does not. */
export abstract class ChatProperties extends LitElement {
  static override readonly properties = {
    model: { type: String, reflect: true },
    executor: { type: String, reflect: true },
    autoload: { type: Boolean, reflect: true },
    profile: { type: Boolean, reflect: true },
    tap: { type: String, reflect: true },
    maxTokens: { type: Number, attribute: 'max-tokens', reflect: true },
    clipFrames: { type: Number, attribute: 'clip-frames', reflect: true },
    keepMedia: { type: Boolean, attribute: 'keep-media', reflect: true },
    generation: { attribute: false },
    samples: { attribute: false },
    labels: { attribute: false },
  };

  /** Address of the model package's folder, relative to the page. */
  declare model: string;
  declare executor: NonNullable<LoadOptions['executor']>;
  /** Load the model as soon as the element is on a page. */
  declare autoload: boolean;
  /** Time every kernel on the GPU, which is slower; `stats()` has the table. */
  declare profile: boolean;
  /** A stage to read back in every step, for debugging: `hidden.<block>` or `attention.<layer>`; `stats()` sums it up. */
  declare tap: string;
  /** Longest answer, in tokens. */
  declare maxTokens: number;
  /** Frames that a video or an animated picture is read with, spread evenly over it. */
  declare clipFrames: number;
  /** Keep what was encoded of pictures on this machine for the next visit; see `keepMedia` of LoadOptions. Read when the model is loaded. */
  declare keepMedia: boolean;
  /** How answers are chosen: beams, draws, stop strings, a constraint, visual strength. Read when a question is asked; wrong options are told there. */
  declare generation: Omit<GenerateOptions, 'maxNewTokens' | 'signal'>;
  /** Pictures and questions that a new conversation offers. */
  declare samples: readonly Sample[];
  /** Words on the controls that differ from the English ones. */
  declare labels: Partial<Labels>;

  constructor() {
    super();
    this.model = DEFAULT_MODEL;
    this.executor = 'auto';
    this.autoload = false;
    this.profile = false;
    this.tap = '';
    this.maxTokens = 256;
    this.clipFrames = 8; // as many as Flamingo was trained with
    this.keepMedia = false;
    this.generation = {};
    this.samples = [];
    this.labels = {};
  }
}
