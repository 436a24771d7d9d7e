import type { PublishedCurve } from './published';
import type { CurvePoint } from './summary';

const [WIDTH, HEIGHT] = [640, 400];
const PLOT = { left: 56, top: 44, right: 460, bottom: 344 };
const OURS = '#c2185b';
const THEIRS = ['#455a64', '#6d4c41', '#00695c', '#5e35b1'];

export interface CurveDrawing {
  title: string;
  /** What the vertical axis shows. */
  unit: string;
  curve: readonly CurvePoint[];
  published?: readonly PublishedCurve[];
}

/** The shot curve as a drawing: our points with their intervals, published ones dashed and marked as theirs. Shots are spaced evenly. */
export function curveSvg({ title, unit, curve, published = [] }: CurveDrawing): string {
  const shots = [
    ...new Set([...curve.map((point) => point.shots), ...published.flatMap(({ points }) => points.map(([k]) => k))]),
  ].sort((a, b) => a - b);
  const top = niceTop(
    Math.max(
      ...curve.map(({ high }) => high),
      ...published.flatMap(({ points }) => points.map(([, value]) => value)),
      1,
    ),
  );
  const x = (k: number) =>
    PLOT.left + ((shots.indexOf(k) + 0.5) * (PLOT.right - PLOT.left)) / Math.max(1, shots.length);
  const y = (value: number) => PLOT.bottom - (value / top) * (PLOT.bottom - PLOT.top);
  const label = (text: string, at: [number, number], more = '') =>
    `<text x="${n(at[0])}" y="${n(at[1])}"${more}>${escaped(text)}</text>`;
  const grid = [0, 0.25, 0.5, 0.75, 1].map((share) => {
    const level = y(share * top);
    return `<path d="M${PLOT.left} ${n(level)}H${PLOT.right}" stroke="#ddd"/>${label(n(share * top), [PLOT.left - 8, level + 4], ' text-anchor="end"')}`;
  });
  const ticks = shots.map((k) => label(`${k}`, [x(k), PLOT.bottom + 18], ' text-anchor="middle"'));
  const theirs = published.map(({ model, points }, i) => {
    const color = THEIRS[i % THEIRS.length];
    const dots = points.map(
      ([k, value]) => `<circle cx="${n(x(k))}" cy="${n(y(value))}" r="3" fill="#fff" stroke="${color}"/>`,
    );
    return `<g><path d="${line(points.map(([k, value]) => [x(k), y(value)]))}" fill="none" stroke="${color}" stroke-dasharray="5 4"/>${dots.join('')}${legend(i + 1, color, `${model} (theirs)`, true)}</g>`;
  });
  const bars = curve.map(({ shots: k, low, high }) => {
    const [at, a, b] = [x(k), y(low), y(high)].map(n);
    return `<path d="M${at} ${a}V${b}M${n(x(k) - 5)} ${a}h10M${n(x(k) - 5)} ${b}h10" stroke="${OURS}" stroke-width="1.5"/>`;
  });
  const dots = curve.map(({ shots: k, items, value, low, high }) => {
    const words = `${k} shots: ${n(value)} (${n(low)} to ${n(high)}), ${items} items`;
    return `<circle cx="${n(x(k))}" cy="${n(y(value))}" r="4" fill="${OURS}"><title>${words}</title></circle>`;
  });
  const ours = `<g><path d="${line(curve.map(({ shots: k, value }) => [x(k), y(value)]))}" fill="none" stroke="${OURS}" stroke-width="2"/>${bars.join('')}${dots.join('')}${legend(0, OURS, 'this run', false)}</g>`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12" role="img">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    label(title, [PLOT.left, 24], ' font-size="15"'),
    ...grid,
    ...ticks,
    label('shots', [(PLOT.left + PLOT.right) / 2, PLOT.bottom + 38], ' text-anchor="middle"'),
    label(unit, [PLOT.left, PLOT.top - 6], ' fill="#555"'),
    ...theirs,
    ours,
    label('Bars: 95 % intervals.', [PLOT.left, HEIGHT - 4], ' font-size="10" fill="#555"'),
    '</svg>',
    '',
  ].join('\n');
}

function legend(row: number, color: string, text: string, dashed: boolean): string {
  const level = PLOT.top + 10 + row * 20;
  const dash = dashed ? ' stroke-dasharray="5 4"' : ' stroke-width="2"';
  return `<path d="M${PLOT.right + 14} ${level}h22" stroke="${color}"${dash}/><text x="${PLOT.right + 42}" y="${level + 4}">${escaped(text)}</text>`;
}

function line(points: readonly (readonly [number, number])[]): string {
  return points.map(([x, y], i) => `${i === 0 ? 'M' : 'L'}${n(x)} ${n(y)}`).join('');
}

/** The next round number at or above the largest value. */
function niceTop(value: number): number {
  const step = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 4, 5, 8, 10].map((factor) => factor * step).find((limit) => limit >= value) ?? 10 * step;
}

function n(value: number): string {
  return `${Math.round(value * 10) / 10}`;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
