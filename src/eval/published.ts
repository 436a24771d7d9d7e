import { FlamingoError } from '../core/errors';

/** Somebody else's numbers, to be drawn beside ours: other models, the real data sets. */
export interface PublishedCurve {
  dataset: string;
  model: string;
  source: string;
  /** [shots, value as printed] */
  points: readonly (readonly [number, number])[];
}

const FLAMINGO = 'Alayrac et al. 2022, table 1';
const OPEN = 'OpenFlamingo-9B (v1), MODEL_CARD.md of mlfoundations/open_flamingo';

export const PUBLISHED: readonly PublishedCurve[] = [
  {
    dataset: 'coco',
    model: 'Flamingo-3B',
    source: FLAMINGO,
    points: [
      [0, 73.0],
      [4, 85.0],
      [32, 99.0],
    ],
  },
  {
    dataset: 'coco',
    model: 'Flamingo-9B',
    source: FLAMINGO,
    points: [
      [0, 79.4],
      [4, 93.1],
      [32, 106.3],
    ],
  },
  {
    dataset: 'coco',
    model: 'Flamingo-80B',
    source: FLAMINGO,
    points: [
      [0, 84.3],
      [4, 103.2],
      [32, 113.8],
    ],
  },
  {
    dataset: 'coco',
    model: 'OpenFlamingo-9B v1',
    source: OPEN,
    points: [
      [0, 65.52],
      [4, 74.28],
      [8, 79.26],
      [16, 81.84],
      [32, 84.52],
    ],
  },
  {
    dataset: 'vqav2',
    model: 'Flamingo-80B',
    source: FLAMINGO,
    points: [
      [0, 56.3],
      [4, 63.1],
      [32, 67.6],
    ],
  },
  {
    dataset: 'vqav2',
    model: 'OpenFlamingo-9B v1',
    source: OPEN,
    points: [
      [0, 43.55],
      [4, 44.05],
      [8, 47.5],
      [16, 48.87],
      [32, 50.34],
    ],
  },
  {
    dataset: 'ok-vqa',
    model: 'Flamingo-80B',
    source: FLAMINGO,
    points: [
      [4, 57.4],
      [32, 57.8],
    ],
  },
  {
    dataset: 'text-vqa',
    model: 'Flamingo-80B',
    source: FLAMINGO,
    points: [
      [0, 35.0],
      [4, 36.5],
      [32, 37.9],
    ],
  },
];

/** Published curves of a data set. Throws `invalid-option` naming those there are. */
export function publishedFor(dataset: string): readonly PublishedCurve[] {
  const curves = PUBLISHED.filter((curve) => curve.dataset === dataset);
  if (curves.length > 0) return curves;
  const known = [...new Set(PUBLISHED.map((curve) => curve.dataset))];
  throw new FlamingoError(
    'invalid-option',
    `There are 0 published curves of ${dataset}; there are some of ${known.join(', ')}.`,
    {
      hint: 'Choose one of them, or leave --published out.',
      details: { dataset, known },
    },
  );
}
