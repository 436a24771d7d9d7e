import { FlamingoError } from '../core/errors';

/** What an index is made with; vectors of different kinds or models are not compared. */
export interface IndexSpace {
  /** `features`: the mean of the frozen vision encoder's features; `clip`: CLIP's projected embedding. */
  readonly by: 'features' | 'clip';
  /** Numbers in a vector. */
  readonly width: number;
  /** What made the vectors: the sha256 of the encoder, so that an index is not read with another model. */
  readonly encoder: string;
}

/** One labelled picture of an index. `id` is its name, `label` what an example says about it; both are the caller's. */
export interface IndexItem {
  readonly id: string;
  readonly label: string;
}

export interface Neighbour extends IndexItem {
  /** Cosine, -1..1. */
  readonly similarity: number;
}

/**
 * Labelled pictures by what they look like, for RICES (Yang et al. 2022; Flamingo §A.2): vectors of length 1, one row each, compared with every row. Rows can be
 * added, replaced and removed at any time.
 */
export class VectorIndex {
  private readonly items: IndexItem[] = [];
  private readonly places = new Map<string, number>();
  private rows: Float32Array<ArrayBuffer>;

  constructor(readonly space: IndexSpace) {
    if (!Number.isInteger(space.width) || space.width < 1) {
      throw new FlamingoError('invalid-option', `An index cannot hold vectors of ${space.width} numbers.`);
    }
    this.rows = new Float32Array(space.width * 16);
  }

  get size(): number {
    return this.items.length;
  }

  has(id: string): boolean {
    return this.places.has(id);
  }

  entries(): readonly IndexItem[] {
    return this.items;
  }

  /** The vector of row `i`, of length 1. A view: it changes with the index. */
  vector(i: number): Float32Array<ArrayBuffer> {
    return this.rows.subarray(i * this.space.width, (i + 1) * this.space.width);
  }

  /** Adds a picture, or replaces the one of the same id. Throws `shape-mismatch` for another width, `invalid-option` for a vector without a direction. */
  add(item: IndexItem, vector: ArrayLike<number>): void {
    const unit = this.unit(vector, item.id);
    const place = this.places.get(item.id) ?? this.items.length;
    if (place === this.items.length) this.grow();
    this.items[place] = { id: item.id, label: item.label };
    this.places.set(item.id, place);
    this.rows.set(unit, place * this.space.width);
  }

  /** Removes a picture; false when there is none of that id. The last row takes its place. */
  remove(id: string): boolean {
    const place = this.places.get(id);
    if (place === undefined) return false;
    const last = this.items.length - 1;
    const moved = this.items[last];
    this.vector(place).set(this.vector(last));
    this.items[place] = moved;
    this.places.set(moved.id, place);
    this.places.delete(id);
    this.items.length = last;
    return true;
  }

  /**
   * The `k` pictures most like a vector, the most similar last: next to the query, as RICES orders its examples. Equal ones by id. `except` leaves the query's own
   * picture out. Throws `shape-mismatch`, and `invalid-option` for a `k` that is no whole number from 0 on.
   */
  nearest(vector: ArrayLike<number>, k: number, { except }: { except?: string } = {}): Neighbour[] {
    if (!Number.isInteger(k) || k < 0) {
      throw new FlamingoError('invalid-option', `${k} neighbours are asked for; a whole number from 0 on is expected.`);
    }
    const unit = this.unit(vector, 'the query');
    const { width } = this.space;
    const scored: { place: number; similarity: number }[] = [];
    for (let place = 0; place < this.items.length; place++) {
      let similarity = 0;
      for (let i = 0, at = place * width; i < width; i++, at++) similarity += unit[i] * this.rows[at];
      scored.push({ place, similarity });
    }
    const name = ({ place }: { place: number }) => this.items[place].id;
    return scored
      .filter((one) => name(one) !== except)
      .sort((a, b) => b.similarity - a.similarity || (name(a) < name(b) ? -1 : 1))
      .slice(0, k)
      .reverse()
      .map(({ place, similarity }) => ({ ...this.items[place], similarity }));
  }

  private unit(vector: ArrayLike<number>, what: string): Float32Array<ArrayBuffer> {
    const { width } = this.space;
    if (vector.length !== width) {
      throw new FlamingoError(
        'shape-mismatch',
        `The vector of ${what} has ${vector.length} numbers, the index has ${width}.`,
        { hint: 'The index was made with another model: make it again.', details: { width, got: vector.length } },
      );
    }
    const unit = Float32Array.from(vector);
    const norm = Math.sqrt(unit.reduce((sum, value) => sum + value * value, 0));
    if (norm > 0 && Number.isFinite(norm)) return unit.map((value) => value / norm);
    throw new FlamingoError('invalid-option', `The vector of ${what} has the length ${norm}; it points nowhere.`, {
      details: { norm },
    });
  }

  private grow(): void {
    if ((this.items.length + 1) * this.space.width <= this.rows.length) return;
    const larger = new Float32Array(this.rows.length * 2);
    larger.set(this.rows);
    this.rows = larger;
  }
}
