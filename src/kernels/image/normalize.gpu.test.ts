import { normalize as reference } from '../../reference/image/normalize';
import { randomSource } from '../../reference/random';
import { describeKernel } from '../../testing/describe-kernel';
import { normalize } from './normalize';

const crops = [
  { stride: 1, left: 0, top: 0, width: 1, height: 1 },
  { stride: 70, left: 3, top: 2, width: 65, height: 4 },
];
const [mean, std] = [
  [0.48, 0.45, 0.4],
  [0.26, 0.27, 0.28],
];

await describeKernel(
  normalize,
  Object.fromEntries(
    crops.map((crop) => [
      JSON.stringify(crop),
      () => {
        const next = randomSource(3);
        const pixels = Uint8Array.from({ length: crop.stride * (crop.top + crop.height) * 4 }, () =>
          Math.floor(next() * 256),
        );
        return {
          params: crop,
          buffers: {
            x: new Uint32Array(pixels.buffer),
            constants: Float32Array.from([...mean, ...std]),
            y: 3 * crop.width * crop.height,
          },
          expected: { y: reference(pixels, mean, std, crop) },
        };
      },
    ]),
  ),
  { f16: false },
);
