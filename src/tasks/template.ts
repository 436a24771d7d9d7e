/** How answers are compared with what was expected; see src/metrics. */
export type Metric = 'vqa-accuracy' | 'cider' | 'accuracy' | 'roc-auc';

/** How an answer is cut to what is compared; see post-process.ts. */
export type PostProcessing = 'none' | 'first-line' | 'caption' | 'vqa' | 'ok-vqa';

/** A special token as a package's templates spell it. */
export interface TemplateToken {
  readonly content: string;
  readonly id: number;
}

/**
 * A task as data. In texts, `<image>` stands for the next medium of the item (a picture, or a clip: one token either way), `{name}` for the item's field of that
 * name. An example is its query, its label and the chunk-end token.
 */
export interface TaskTemplate {
  readonly name: string;
  readonly summary: string;
  /** Text before the first example. */
  readonly prefix: string;
  readonly query: string;
  /** Field that holds the answer of an example. */
  readonly label: string;
  /** Text between an example's query and its label. */
  readonly beforeLabel: string;
  /** Spaces around a label are left out. */
  readonly stripLabel?: boolean;
  /** Text behind an example's chunk-end token. */
  readonly separator: string;
  /** Special tokens of a package that the texts spell; upstream's tasks have none. Fields never become tokens. */
  readonly tokens?: readonly TemplateToken[];
  /** A field that is a list of earlier turns, and the text of one turn. */
  readonly turns?: { readonly field: string; readonly text: string };
  /** A field whose own `<image>`s are pictures of the item: the text of an interleaved document. */
  readonly interleaved?: string;
  /** The answers there are, where the task is closed-ended by nature. */
  readonly labels?: readonly string[];
  /** Whether an answer is one of a list, scored, or written freely. */
  readonly closed: boolean;
  readonly metric: Metric;
  readonly post: PostProcessing;
  readonly maxNewTokens: number;
  readonly beams: number;
  readonly lengthPenalty: number;
}
