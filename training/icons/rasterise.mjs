// Drawings to 96x96 RGBA: one raw file and one JSON index for each set.
//
//   node icons/rasterise.mjs NODE_MODULES OUT_DIR SIZE SET...
//
// Concepts are joined over the sets by Unicode code point, so that a held-out concept is held out in every style.
// A set without a code point table is joined by name to one that has it; emoji that stay unjoined are left out,
// because they might be a held-out concept under an alias. Sets that are no emoji keep their own names ("icon:...").
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const [modules, out, sizeText, ...sets] = process.argv.slice(2);
const size = Number(sizeText);
const require = createRequire(path.resolve(modules, 'x.js'));
const sharp = require('sharp');
const read = (set, file) => JSON.parse(fs.readFileSync(path.join(modules, '@iconify-json', set, file), 'utf8'));

const variant = /skin-tone|-(light|medium|dark|medium-light|medium-dark)$|regional-indicator|keycap|^flag-|-low$|-oclock$|-thirty$/;
const plain = new Set(['flat-color-icons']); // no emoji: every icon is its own concept
const outlined = 'outlined-'; // before the name of a set: the same drawings, every shape with a black line round it
const linesPerSide = 40; // a line is this part of the side wide

const source = (set) => (set.startsWith(outlined) ? set.slice(outlined.length) : set);

/** name -> code point, from the sets that state it. */
function codePoints() {
  const byName = new Map();
  for (const set of sets) {
    for (const [code, name] of Object.entries(read(source(set), 'chars.json'))) if (!byName.has(name)) byName.set(name, code);
  }
  return byName;
}

function svg(set, name, line) {
  const icon = set.icons[name];
  const w = icon.width ?? set.width ?? 16;
  const h = icon.height ?? set.height ?? 16;
  const box = `${icon.left ?? set.left ?? 0} ${icon.top ?? set.top ?? 0} ${w} ${h}`;
  const body = line ? `<g stroke="#000" stroke-width="${w / linesPerSide}" stroke-linejoin="round">${icon.body}</g>` : icon.body;
  return Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="${box}" width="${size}" height="${size}" color="#000">${body}</svg>`);
}

async function rasterise(style, known) {
  const id = source(style);
  const set = read(id, 'icons.json');
  const own = new Map(Object.entries(read(id, 'chars.json')).map(([code, name]) => [name, code]));
  const categories = Object.entries(read(id, 'metadata.json').categories ?? {}).flatMap(([kind, names]) => names.map((n) => [n, kind]));
  const category = new Map(categories);
  const pixels = [];
  const index = [];
  for (const name of Object.keys(set.icons)) {
    if (variant.test(name) || set.icons[name].hidden) continue;
    const code = own.get(name) ?? known.get(name);
    if (!code && !plain.has(id)) continue;
    const raw = await sharp(svg(set, name, id !== style)).resize(size, size).ensureAlpha().raw().toBuffer().catch(() => null);
    if (!raw || raw.length !== size * size * 4) continue;
    pixels.push(raw);
    index.push({ name, concept: plain.has(id) ? `icon:${name}` : code, category: category.get(name) ?? null });
  }
  fs.writeFileSync(path.join(out, `${style}.raw`), Buffer.concat(pixels));
  fs.writeFileSync(path.join(out, `${style}.json`), JSON.stringify({ size, license: read(id, 'info.json').license, title: read(id, 'info.json').name, icons: index }));
  console.log(style, index.length);
}

fs.mkdirSync(out, { recursive: true });
const known = codePoints();
for (const set of sets) await rasterise(set, known);
