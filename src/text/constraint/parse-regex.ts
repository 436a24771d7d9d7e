import { FlamingoError } from '../../core/errors';

/** Ranges of code points, both ends included, ascending and apart. */
export type Ranges = readonly (readonly [number, number])[];

/** A regular expression without what only matters for searching: greediness and groups. */
export type Node =
  | { kind: 'chars'; ranges: Ranges }
  | { kind: 'sequence'; parts: readonly Node[] }
  | { kind: 'choice'; options: readonly Node[] }
  | { kind: 'repeat'; of: Node; least: number; most: number };

const LAST = 0x10ffff;
const DIGIT: Ranges = [[48, 57]];
const WORD: Ranges = [
  [48, 57],
  [65, 90],
  [95, 95],
  [97, 122],
];
const SPACE: Ranges = [
  [9, 13],
  [32, 32],
  [160, 160],
  [0x1680, 0x1680],
  [0x2000, 0x200a],
  [0x2028, 0x2029],
  [0x202f, 0x202f],
  [0x205f, 0x205f],
  [0x3000, 0x3000],
  [0xfeff, 0xfeff],
];
const LINE_ENDS: Ranges = [
  [10, 10],
  [13, 13],
  [0x2028, 0x2029],
];
const CONTROLS: Record<string, number> = { n: 10, r: 13, t: 9, f: 12, v: 11, '0': 0 };

/** Largest count in braces: larger ones make automata that no answer is long enough for. */
const MOST_REPEATS = 1000;

/**
 * The language of an ECMAScript regular expression that matches whole texts. Throws `unsupported` with the place of what has no meaning there or is no regular language: look-around, back
 * references, word borders, anchors within, property escapes, flags but i, s, u, g and y.
 */
export function parseRegex({ source, flags }: Pick<RegExp, 'source' | 'flags'>): Node {
  const other = [...flags].find((flag) => !'isugyd'.includes(flag));
  if (other) throw unsupported(source, source.length, `the flag ${other}`);
  const parser = new Parser(source.replace(/^\^/, '').replace(/(?<!\\)((?:\\\\)*)\$$/, '$1'), flags);
  return parser.parse();
}

class Parser {
  private readonly chars: string[];
  private at = 0;

  constructor(
    private readonly source: string,
    private readonly flags: string,
  ) {
    this.chars = [...source];
  }

  parse(): Node {
    const node = this.choice();
    if (this.at < this.chars.length) throw unsupported(this.source, this.at, `"${this.chars[this.at]}"`);
    return node;
  }

  private choice(): Node {
    const options = [this.sequence()];
    while (this.take('|')) options.push(this.sequence());
    return options.length === 1 ? options[0] : { kind: 'choice', options };
  }

  private sequence(): Node {
    const parts: Node[] = [];
    while (this.at < this.chars.length && !'|)'.includes(this.chars[this.at])) parts.push(this.repeated());
    return { kind: 'sequence', parts };
  }

  private repeated(): Node {
    let node = this.atom();
    for (let bounds = this.bounds(); bounds; bounds = this.bounds()) {
      this.take('?'); // lazy or not: the language is the same
      node = { kind: 'repeat', of: node, least: bounds[0], most: bounds[1] };
    }
    return node;
  }

  private bounds(): [number, number] | undefined {
    if (this.take('*')) return [0, Number.POSITIVE_INFINITY];
    if (this.take('+')) return [1, Number.POSITIVE_INFINITY];
    if (this.take('?')) return [0, 1];
    const braces = /^\{(\d+)(,?)(\d*)\}/.exec(this.chars.slice(this.at, this.at + 16).join(''));
    if (!braces) return undefined;
    const least = Number(braces[1]);
    const most = braces[3] ? Number(braces[3]) : braces[2] ? Number.POSITIVE_INFINITY : least;
    if (least > MOST_REPEATS || (Number.isFinite(most) && most > MOST_REPEATS))
      throw unsupported(this.source, this.at, `a count above ${MOST_REPEATS}`);
    this.at += braces[0].length;
    return [least, most];
  }

  private atom(): Node {
    const start = this.at;
    const char = this.chars[this.at++];
    if (char === '(') return this.group(start);
    if (char === '[') return { kind: 'chars', ranges: this.charClass() };
    if (char === '.') return { kind: 'chars', ranges: this.flags.includes('s') ? [[0, LAST]] : invert(LINE_ENDS) };
    if (char === '\\') return { kind: 'chars', ranges: this.cased(this.escape(start)) };
    if ('^$*+?'.includes(char)) throw unsupported(this.source, start, `"${char}"`);
    return { kind: 'chars', ranges: this.cased(single(char)) };
  }

  private group(start: number): Node {
    if (this.take('?') && !this.take(':')) {
      const name = /^<[\p{L}_$][\p{L}\p{N}_$]*>/u.exec(this.chars.slice(this.at).join(''));
      if (!name) throw unsupported(this.source, start, 'look-around');
      this.at += [...name[0]].length;
    }
    const node = this.choice();
    if (!this.take(')')) throw unsupported(this.source, start, 'an open group');
    return node;
  }

  private charClass(): Ranges {
    const inverted = this.take('^');
    const ranges: [number, number][] = [];
    while (!this.take(']')) {
      if (this.at >= this.chars.length) throw unsupported(this.source, this.at, 'an open class');
      const from = this.classItem();
      const isRange = this.chars[this.at] === '-' && this.chars[this.at + 1] !== ']' && isSingle(from);
      if (!isRange) {
        ranges.push(...from.map(([a, b]): [number, number] => [a, b]));
        continue;
      }
      this.at++;
      const to = this.classItem();
      ranges.push([from[0][0], to[0][0]]);
    }
    const all = this.cased(merge(ranges));
    return inverted ? invert(all) : all;
  }

  private classItem(): Ranges {
    const start = this.at;
    const char = this.chars[this.at++];
    return char === '\\' ? this.escape(start, true) : single(char);
  }

  private escape(start: number, inClass = false): Ranges {
    const char = this.chars[this.at++];
    if (char === undefined) throw unsupported(this.source, start, 'a lone backslash');
    const sets: Record<string, Ranges> = {
      d: DIGIT,
      w: WORD,
      s: SPACE,
      D: invert(DIGIT),
      W: invert(WORD),
      S: invert(SPACE),
    };
    if (sets[char]) return sets[char];
    if (char === 'b' && inClass) return [[8, 8]];
    if (CONTROLS[char] !== undefined) return [[CONTROLS[char], CONTROLS[char]]];
    const code = /^(?:x([0-9a-f]{2})|u([0-9a-f]{4})|u\{([0-9a-f]+)\})/i.exec(
      this.chars.slice(this.at - 1, this.at + 9).join(''),
    );
    if (code) {
      this.at += code[0].length - 1;
      const point = Number.parseInt(code[1] ?? code[2] ?? code[3], 16);
      return [[point, point]];
    }
    if (/[a-z0-9]/i.test(char)) throw unsupported(this.source, start, `"\\${char}"`);
    return single(char);
  }

  /** With the flag i, both cases of every letter. */
  private cased(ranges: Ranges): Ranges {
    if (!this.flags.includes('i')) return ranges;
    const all = ranges.map(([a, b]): [number, number] => [a, b]);
    for (const [from, to] of ranges) {
      for (let point = from; point <= Math.min(to, from + 0x300); point++) {
        const char = String.fromCodePoint(point);
        for (const other of [char.toLowerCase(), char.toUpperCase()]) {
          const code = other.codePointAt(0) ?? point;
          if ([...other].length === 1) all.push([code, code]);
        }
      }
    }
    return merge(all);
  }

  private take(char: string): boolean {
    if (this.chars[this.at] !== char) return false;
    this.at++;
    return true;
  }
}

function single(char: string): Ranges {
  const point = char.codePointAt(0) ?? 0;
  return [[point, point]];
}

function isSingle(ranges: Ranges): boolean {
  return ranges.length === 1 && ranges[0][0] === ranges[0][1];
}

function merge(ranges: readonly (readonly [number, number])[]): Ranges {
  const merged: [number, number][] = [];
  for (const [from, to] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const last = merged.at(-1);
    if (last && from <= last[1] + 1) last[1] = Math.max(last[1], to);
    else if (to >= from) merged.push([from, to]);
  }
  return merged;
}

function invert(ranges: Ranges): Ranges {
  const rest: [number, number][] = [];
  let from = 0;
  for (const [a, b] of ranges) {
    if (a > from) rest.push([from, a - 1]);
    from = b + 1;
  }
  if (from <= LAST) rest.push([from, LAST]);
  return rest;
}

function unsupported(source: string, at: number, what: string): FlamingoError {
  return new FlamingoError('unsupported', `/${source}/ at ${at}: ${what} cannot be used in a constraint.`, {
    hint: 'A constraint matches the whole answer: use classes, groups, alternatives and counts.',
    details: { source, at },
  });
}
