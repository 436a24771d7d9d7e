import * as v from 'valibot';
import { FlamingoError } from '../core/errors';
import { checkedLabels } from '../eval/items';
import { readRequestsFile, requestId } from './requests-file';

/** Where a class's name goes in a template. */
export const SLOT = '{}';
/** Source: Radford et al. 2021, §3.1.4. */
const DEFAULT_TEMPLATES = [`a photo of a ${SLOT}.`];
const SHAPE = `{"id", "images": [..], "classes": [..], "templates": ["a photo of a ${SLOT}."], "top"} or {"id", "images": [..], "texts": [..], "top"}`;

const strings = v.pipe(v.array(v.pipe(v.string(), v.minLength(1))), v.minLength(1));
const template = v.pipe(v.string(), v.includes(SLOT, `a template has ${SLOT} where the name of a class goes`));

/** One request of `clip`: pictures, and the classes they may belong to or the texts they may go with. */
const request = v.strictObject({
  id: requestId,
  images: strings,
  classes: v.optional(v.array(v.string())),
  /** Several describe a class together: the mean of their vectors. */
  templates: v.optional(v.pipe(v.array(template), v.minLength(1)), DEFAULT_TEMPLATES),
  texts: v.optional(v.array(v.string())),
  /** Matches kept of each list. */
  top: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))),
});

export type ClipRequest = v.InferOutput<typeof request>;

/** Reads the requests of `clip`. Throws as readRequestsFile does, and for a request with both classes and texts, with neither, or with one of them twice. */
export async function readClipRequests(path: string) {
  const file = await readRequestsFile(path, request, SHAPE);
  for (const { id, classes, texts, images } of file.requests) {
    if ((classes === undefined) === (texts === undefined)) throw notOne(path, id, classes ? 2 : 0);
    checkedLabels(classes ?? texts ?? [], `${path}: ${id}: ${classes ? 'classes' : 'texts'}`);
    checkedLabels(images, `${path}: ${id}: images`);
  }
  return file;
}

function notOne(path: string, id: string, count: number): FlamingoError {
  return new FlamingoError(
    'invalid-option',
    `${path}: ${id} has ${count} of "classes" and "texts"; it must have 1 of them.`,
    {
      hint: 'Give "classes" to find what a picture shows, or "texts" to find which picture a text goes with.',
      details: { path, id },
    },
  );
}
