import { FlamingoError } from '../core/errors';

/** Somebody else's numbers, to be drawn beside ours: other models, the real data sets. */
export interface PublishedCurve {
  dataset: string;
  model: string;
  source: string;
  /** [shots, value as printed] */
  points: readonly (readonly [number, number])[];
}

/** The tables "COCO (CIDEr)" and "VQAv2 (VQA accuracy)" there; Flamingo's numbers are on test data, OpenFlamingo's on validation data. */
const BLOG =
  'Awadalla and Gao, “Announcing OpenFlamingo”, laion.ai/blog/open-flamingo (28 March 2023), after Alayrac et al. 2022';
const CARD = 'MODEL_CARD.md of mlfoundations/open_flamingo at 3e1e4e2';
const README = 'README.md of mlfoundations/open_flamingo at 914076e, “Released OpenFlamingo models”';

const SHOTS = [0, 4, 8, 16, 32];

/** Values for 0, 4, 8, 16 and 32 shots. */
const curve = (dataset: string, model: string, source: string, values: readonly number[]): PublishedCurve => ({
  ...{ dataset, model, source },
  points: values.map((value, i) => [SHOTS[i], value] as const),
});

/** [model, COCO with 4 shots, VQAv2 with 4 shots] */
const RELEASED: readonly [string, number, number][] = [
  ['OpenFlamingo-3B (MPT-1B)', 77.3, 45.8],
  ['OpenFlamingo-4B (RedPajama-3B)', 81.8, 49.0],
  ['OpenFlamingo-9B (MPT-7B)', 89.0, 54.8],
];

export const PUBLISHED: readonly PublishedCurve[] = [
  curve('coco', 'Flamingo-9B', BLOG, [79.4, 93.1, 99.0, 102.2, 106.3]),
  curve('coco', 'OpenFlamingo-9B v1', CARD, [65.52, 74.28, 79.26, 81.84, 84.52]),
  curve('vqav2', 'Flamingo-9B', BLOG, [51.8, 56.3, 58.0, 59.4, 60.4]),
  curve('vqav2', 'OpenFlamingo-9B v1', CARD, [43.55, 44.05, 47.5, 48.87, 50.34]),
  ...RELEASED.flatMap(([model, coco, vqa]): PublishedCurve[] => [
    { dataset: 'coco', model, source: README, points: [[4, coco]] },
    { dataset: 'vqav2', model, source: README, points: [[4, vqa]] },
  ]),
];

/** Data sets that there are numbers of. */
export const PUBLISHED_SETS: readonly string[] = [...new Set(PUBLISHED.map(({ dataset }) => dataset))];

/** Published curves of a data set. Throws `invalid-option` naming those there are. */
export function publishedFor(dataset: string): readonly PublishedCurve[] {
  const curves = PUBLISHED.filter((curve) => curve.dataset === dataset);
  if (curves.length > 0) return curves;
  const known = PUBLISHED_SETS;
  throw new FlamingoError(
    'invalid-option',
    `There are 0 published curves of ${dataset}; there are some of ${known.join(', ')}.`,
    {
      hint: 'Choose one of them, or leave --published out.',
      details: { dataset, known },
    },
  );
}
