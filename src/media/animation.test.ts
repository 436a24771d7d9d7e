import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { readAnimation } from './animation';

const file = (path: string) => new Uint8Array(readFileSync(path));

it.each(['steps.gif', 'steps.png', 'steps.webp'])('%s has twelve frames of a quarter of a second', (name) => {
  expect(readAnimation(file(`e2e/clips/${name}`))?.durations).toEqual(Array(12).fill(0.25));
});

it.each(['public/samples/red-circle.webp', 'e2e/goldens/of-opt/images/00.png', 'e2e/goldens/preprocess/07-exif1.jpg'])(
  '%s is one frame',
  (path) => {
    expect(readAnimation(file(path))?.durations).toHaveLength(1);
  },
);

it('shows frames without a delay for a tenth of a second, as browsers do', () => {
  const bytes = file('e2e/clips/steps.gif');
  for (let at = 0; at + 8 < bytes.length; at++) {
    if (bytes[at] === 0x21 && bytes[at + 1] === 0xf9 && bytes[at + 2] === 4) bytes.fill(0, at + 4, at + 6);
  }
  expect(readAnimation(bytes)?.durations).toEqual(Array(12).fill(0.1));
});

it.each(['steps.gif', 'steps.png', 'steps.webp'])('%s cut anywhere gives fewer frames and never throws', (name) => {
  const bytes = file(`e2e/clips/${name}`);
  for (let length = 0; length < bytes.length; length += 7) {
    expect(readAnimation(bytes.slice(0, length))?.durations.length ?? 0).toBeLessThanOrEqual(12);
  }
});

it('knows nothing of other files', () => {
  expect(readAnimation(file('e2e/clips/steps.mp4'))).toBeUndefined();
});
