import { basename } from 'node:path';
import { ensembleVector, rankBySimilarity } from '../retrieval/zero-shot';
import type { ClipModel } from '../session/clip-model';
import { loadClipFolder } from '../session/load-node';
import { type ClipRequest, readClipRequests, SLOT } from './clip-requests';
import { readPicture } from './requests-file';

/** A match by its name; the probability is the softmax of CLIP's scaled cosines over all that were given. */
type Ranked<Name extends string> = Record<Name, string> & { similarity: number; probability: number };

/** Classes of each picture; or texts of each picture and pictures of each text. Best first. */
export type ClipResult =
  | { images: { image: string; label: string; ranked: Ranked<'label'>[] }[] }
  | {
      images: { image: string; ranked: Ranked<'text'>[] }[];
      texts: { text: string; ranked: Ranked<'image'>[] }[];
    };

/** `flamingo-web clip`: zero-shot classes of pictures, and retrieval of pictures and texts both ways. Throws `unsupported` for a package without the text tower. */
export async function runClip(options: {
  package: string;
  requests: string;
  onRequest?: (id: string) => void;
}): Promise<Record<string, ClipResult>> {
  const { requests, resolve } = await readClipRequests(options.requests);
  await using model = await loadClipFolder(options.package);
  const vectors = new ClipVectors(model);
  const results: Record<string, ClipResult> = {};
  for (const request of requests) {
    results[request.id] = await answer(request, vectors, resolve, model.logitScale);
    options.onRequest?.(request.id);
  }
  return results;
}

async function answer(
  { images: names, classes, templates, texts = [], top }: ClipRequest,
  vectors: ClipVectors,
  resolve: (image: string) => string,
  scale: number,
): Promise<ClipResult> {
  const images = await inTurn(names, (name) => vectors.image(resolve(name)));
  const best = <Name extends string>(
    key: Name,
    query: Float32Array,
    candidates: Float32Array[],
    words: readonly string[],
  ) =>
    rankBySimilarity(query, candidates, scale)
      .slice(0, top)
      .map(({ index, similarity, probability }) => ({ [key]: words[index], similarity, probability }) as Ranked<Name>);
  if (classes) {
    const each = await inTurn(classes, (name) => vectors.class(name, templates));
    const ranked = images.map((image) => best('label', image, each, classes));
    return { images: names.map((image, i) => ({ image, label: ranked[i][0].label, ranked: ranked[i] })) };
  }
  const each = await inTurn(texts, (text) => vectors.text(text));
  return {
    images: names.map((image, i) => ({ image, ranked: best('text', images[i], each, texts) })),
    texts: texts.map((text, i) => ({ text, ranked: best('image', each[i], images, names) })),
  };
}

/** Vectors of pictures and texts, each made once. */
class ClipVectors {
  private readonly known = new Map<string, Promise<Float32Array>>();

  constructor(private readonly model: ClipModel) {}

  image(path: string): Promise<Float32Array> {
    return this.once(`image ${path}`, async () =>
      this.model.embedImage(new File([await readPicture(path)], basename(path))),
    );
  }

  text(text: string): Promise<Float32Array> {
    return this.once(`text ${text}`, () => this.model.embedText(text));
  }

  async class(name: string, templates: readonly string[]): Promise<Float32Array> {
    return ensembleVector(await inTurn(templates, (template) => this.text(template.replaceAll(SLOT, () => name))));
  }

  private once(key: string, make: () => Promise<Float32Array>): Promise<Float32Array> {
    const vector = this.known.get(key) ?? make();
    this.known.set(key, vector);
    return vector;
  }
}

/** One after the other: a list of thousands of pictures must not be in memory at once. */
async function inTurn<T, R>(list: readonly T[], make: (each: T) => Promise<R>): Promise<R[]> {
  const made: R[] = [];
  for (const each of list) made.push(await make(each));
  return made;
}
