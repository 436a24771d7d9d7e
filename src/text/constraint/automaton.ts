import { FlamingoError } from '../../core/errors';
import type { Node, Ranges } from './parse-regex';

interface State {
  /** States reached without a character. */
  free: number[];
  /** States reached by a character in the ranges. */
  steps: { ranges: Ranges; to: number }[];
}

/** A set of states, by their numbers in order. */
export type StateSet = readonly number[];

/** Positions in a regular expression (Thompson 1968), followed as sets. Every state that is kept can still reach the end of a match. */
export class Automaton {
  private readonly states: State[] = [];
  private readonly end: number;
  private readonly live: boolean[];
  readonly start: StateSet;

  /** Throws `invalid-option` for an expression that no text matches. */
  constructor(node: Node, source: string) {
    this.end = this.add();
    const first = this.build(node, this.end);
    this.live = this.reachEnd();
    this.start = this.closure([first]);
    if (this.start.length > 0) return;
    throw new FlamingoError('invalid-option', `${source} matches 0 texts; a constraint needs at least 1.`, {
      hint: 'Correct the expression: it contradicts itself.',
      details: { source },
    });
  }

  accepts(set: StateSet): boolean {
    return set.includes(this.end);
  }

  /** After one more character. */
  step(set: StateSet, point: number): StateSet {
    const next = new Set<number>();
    for (const s of set) {
      for (const { ranges, to } of this.states[s].steps) if (includes(ranges, point)) next.add(to);
    }
    return this.closure([...next]);
  }

  /** Whether some character from `low` to `high` leads on. */
  leadsOn(set: StateSet, low: number, high: number): boolean {
    return set.some((s) =>
      this.states[s].steps.some(({ ranges, to }) => this.live[to] && ranges.some(([a, b]) => a <= high && b >= low)),
    );
  }

  private add(): number {
    return this.states.push({ free: [], steps: [] }) - 1;
  }

  /** States for `node` in front of the state `next`; gives the first of them. */
  private build(node: Node, next: number): number {
    switch (node.kind) {
      case 'chars': {
        const state = this.add();
        this.states[state].steps.push({ ranges: node.ranges, to: next });
        return state;
      }
      case 'sequence':
        return node.parts.reduceRight((to, part) => this.build(part, to), next);
      case 'choice': {
        const state = this.add();
        this.states[state].free = node.options.map((option) => this.build(option, next));
        return state;
      }
      case 'repeat':
        return this.buildRepeat(node.of, node.least, node.most, next);
    }
  }

  private buildRepeat(of: Node, least: number, most: number, next: number): number {
    let to = next;
    if (Number.isFinite(most)) {
      for (let i = least; i < most; i++) {
        const skip = this.add();
        this.states[skip].free = [this.build(of, to), next];
        to = skip;
      }
    } else {
      const loop = this.add();
      this.states[loop].free = [this.build(of, loop), next];
      to = loop;
    }
    for (let i = 0; i < least; i++) to = this.build(of, to);
    return to;
  }

  /** Which states can reach the end: backwards until nothing changes. */
  private reachEnd(): boolean[] {
    const before: number[][] = this.states.map(() => []);
    for (const [s, { free, steps }] of this.states.entries()) {
      for (const to of free) before[to].push(s);
      for (const { ranges, to } of steps) if (ranges.length > 0) before[to].push(s);
    }
    const live = this.states.map((_, s) => s === this.end);
    const open = [this.end];
    for (let s = open.pop(); s !== undefined; s = open.pop()) {
      for (const from of before[s]) {
        if (!live[from]) open.push(from);
        live[from] = true;
      }
    }
    return live;
  }

  private closure(states: readonly number[]): StateSet {
    const all = new Set(states.filter((s) => this.live[s]));
    for (const s of all) for (const to of this.states[s].free) if (this.live[to]) all.add(to);
    return [...all].sort((a, b) => a - b);
  }
}

function includes(ranges: Ranges, point: number): boolean {
  return ranges.some(([from, to]) => point >= from && point <= to);
}
