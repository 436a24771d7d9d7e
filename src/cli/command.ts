/** What a command gets, parsed and checked. */
export interface Invocation {
  positionals: string[];
  text(option: string): string | undefined;
  flag(option: string): boolean;
  /** A line for the person who waits; on stderr, so that stdout stays the result. */
  progress(line: string): void;
}

/** What a command gives: data for --json, lines for people. */
export interface Outcome {
  json: unknown;
  lines: string[];
}

export interface Command {
  name: string;
  usage: string;
  summary: string;
  options: Record<string, { type: 'string' | 'boolean'; help: string }>;
  /** Names of the required arguments. */
  positionals: string[];
  run(invocation: Invocation): Promise<Outcome>;
}
