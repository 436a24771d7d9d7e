// Draws the sample pictures of the empty page (public/samples). Run: node scripts/make-samples.mjs
import { mkdir } from 'node:fs/promises';
import sharp from 'sharp';

const SIZE = 448; // shown at up to 224 CSS pixels
const at = (x, y, r, turn, shape) => `<g transform="translate(${x} ${y}) rotate(${turn}) scale(${r})">${shape}</g>`;
const triangle = (fill) => `<path d="M0 -1 .87 .5 -.87 .5Z" fill="${fill}"/>`;
const heart = (fill) =>
  `<path d="M0 .85C-.5 .45 -1 .1 -1 -.35 -1 -.75 -.7 -.9 -.5 -.9 -.25 -.9 -.08 -.75 0 -.55 .08 -.75 .25 -.9 .5 -.9 .7 -.9 1 -.75 1 -.35 1 .1 .5 .45 0 .85Z" fill="${fill}"/>`;
const cross = (fill) => `<path d="M-.34 -1H.34V-.34H1V.34H.34V1H-.34V.34H-1V-.34H-.34Z" fill="${fill}"/>`;

/** Points of a regular polygon, or of a star when every other radius is smaller. */
function polygon(n, fill, inner = 1) {
  const points = Array.from({ length: n }, (_, i) => {
    const angle = (2 * Math.PI * i) / n - Math.PI / 2;
    const radius = i % 2 ? inner : 1;
    return `${(radius * Math.cos(angle)).toFixed(4)},${(radius * Math.sin(angle)).toFixed(4)}`;
  });
  return `<polygon points="${points.join(' ')}" fill="${fill}"/>`;
}

const stripes = `<defs><pattern id="stripes" width=".3" height=".3" patternUnits="userSpaceOnUse" patternTransform="rotate(35)">
  <rect width=".3" height=".3" fill="#f582be"/><rect width=".3" height=".13" fill="#8f2c63"/></pattern></defs>`;

const PICTURES = {
  'red-circle': ['#f6ecd8', at(224, 230, 128, 0, '<circle r="1" fill="#dc1e1e"/>')],
  'green-triangles': [
    '#e4ecf7',
    [
      at(112, 140, 68, 8, triangle('#28a03c')),
      at(326, 160, 68, -14, triangle('#28a03c')),
      at(216, 322, 68, 20, triangle('#28a03c')),
    ].join(''),
  ],
  'square-and-star': [
    '#f3eef6',
    at(126, 250, 74, 6, '<rect x="-1" y="-1" width="2" height="2" fill="#2850dc"/>') +
      at(322, 210, 96, -8, polygon(10, '#f0c818', 0.42)),
  ],
  'striped-heart': ['#eef4ea', stripes + at(224, 232, 130, -6, heart('url(#stripes)'))],
  'orange-moon': [
    '#26283c',
    at(120, 118, 72, -20, '<path d="M.35 -.94A1 1 0 1 0 .35 .94 .78 .78 0 1 1 .35 -.94Z" fill="#f58c14"/>'),
  ],
  'mixed-shapes': [
    '#f7f0e8',
    at(126, 128, 72, 10, polygon(6, '#008080')) +
      at(318, 168, 58, 0, '<circle r="1" fill="none" stroke="#dc1e1e" stroke-width=".5"/>') +
      at(210, 328, 66, 16, cross('#141414')),
  ],
};

const folder = new URL('../public/samples/', import.meta.url);
await mkdir(folder, { recursive: true });
for (const [name, [ground, shapes]] of Object.entries(PICTURES)) {
  const drawing = `<svg xmlns="http://www.w3.org/2000/svg" width="${SIZE}" height="${SIZE}"><rect width="100%" height="100%" fill="${ground}"/>${shapes}</svg>`;
  await sharp(Buffer.from(drawing))
    .webp({ quality: 90, effort: 6 })
    .toFile(new URL(`${name}.webp`, folder).pathname);
}
