import { parseArgs } from 'node:util';
import { FlamingoError, serializeError } from '../core/errors';
import type { Command } from './command';
import { COMMANDS, version } from './commands';
import { SIGNAL_EXITS } from './interrupt';
import { nearest } from './text';

/** 0 done, 1 failed, 2 wrong input: what the caller typed or gave has to change. Stopped by a signal: 128 and its number, as shells have it. */
const EXIT = { done: 0, failed: 1, input: 2 };

const COMMON = {
  json: { type: 'boolean', help: 'print the result as JSON' },
  help: { type: 'boolean', help: 'print this' },
} as const;

/** Runs a command line; prints the result on stdout, errors with their next step on stderr. Returns the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  const asJson = args.includes('--json');
  try {
    return await dispatch(args);
  } catch (error) {
    const { code, message, hint, details, stack } = serializeError(error);
    if (asJson) console.error(JSON.stringify({ error: { code, message, hint, details } }));
    else
      console.error(
        [`flamingo-web: ${message}`, ...(hint ? [hint] : []), ...(code === 'internal' && stack ? [stack] : [])].join(
          '\n',
        ),
      );
    if (code === 'aborted') return SIGNAL_EXITS[String(details.signal)] ?? EXIT.failed;
    return [
      'invalid-option',
      'not-found',
      'bad-file',
      'context-overflow',
      'media-count',
      'media-unreadable',
      'shape-mismatch',
      'unsupported',
    ].includes(code)
      ? EXIT.input
      : EXIT.failed;
  }
}

async function dispatch(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args;
  if (name === '--version') {
    console.log(await version());
    return EXIT.done;
  }
  if (name === undefined || name === '--help' || name === 'help') {
    console.log(overview());
    return name === undefined ? EXIT.input : EXIT.done;
  }
  const command = COMMANDS.find((candidate) => candidate.name === name);
  if (!command)
    throw unknown(
      'command',
      name,
      COMMANDS.map((candidate) => candidate.name),
    );
  if (rest.includes('--help')) {
    console.log(help(command));
    return EXIT.done;
  }
  const { values, positionals } = parse(command, rest);
  const { json, lines } = await command.run({
    positionals,
    text: (option) => values[option] as string | undefined,
    flag: (option) => values[option] === true,
    progress: (line) => console.error(line),
  });
  console.log(values.json ? JSON.stringify(json, null, 1) : lines.join('\n'));
  return EXIT.done;
}

function parse(command: Command, args: string[]) {
  const options = { ...command.options, ...COMMON };
  const mistyped = args.find((arg) => arg.startsWith('--') && !(arg.slice(2).split('=')[0] in options));
  if (mistyped)
    throw unknown(
      'option',
      mistyped,
      Object.keys(options).map((option) => `--${option}`),
    );
  const parsed = parseOrExplain(command, args, options);
  if (parsed.positionals.length === command.positionals.length) return parsed;
  throw new FlamingoError(
    'invalid-option',
    `${command.name} takes ${command.positionals.length} arguments (${command.positionals.join(' ') || 'none'}), ${parsed.positionals.length} came.`,
    {
      hint: `Usage: flamingo-web ${command.usage}`,
      details: { expected: command.positionals, got: parsed.positionals },
    },
  );
}

function parseOrExplain(command: Command, args: string[], options: Record<string, { type: 'string' | 'boolean' }>) {
  try {
    return parseArgs({ args, options, allowPositionals: true });
  } catch (cause) {
    throw new FlamingoError('invalid-option', (cause as Error).message, {
      hint: `Usage: flamingo-web ${command.usage}`,
      cause,
    });
  }
}

function unknown(what: string, word: string, known: string[]): FlamingoError {
  const near = nearest(word, known);
  return new FlamingoError('invalid-option', `There is no ${what} ${word}.`, {
    hint: near ? `Did you mean ${near}?` : `Known: ${known.join(', ')}.`,
    details: { word, known },
  });
}

function overview(): string {
  const commands = COMMANDS.map(({ name, summary }) => `  ${name.padEnd(10)}${summary}`);
  return [
    'Usage: flamingo-web COMMAND',
    '',
    ...commands,
    '',
    'flamingo-web COMMAND --help tells more. --json prints results as JSON.',
  ].join('\n');
}

function help({ usage, summary, options }: Command): string {
  const all: Command['options'] = { ...options, ...COMMON };
  const lines = Object.entries(all).map(
    ([name, { type, help: text }]) => `  --${`${name}${type === 'string' ? ' VALUE' : ''}`.padEnd(18)}${text}`,
  );
  return [summary, '', `Usage: flamingo-web ${usage}`, '', ...lines].join('\n');
}
