import { Automaton } from '../text/constraint/automaton';
import { Guide } from '../text/constraint/guide';
import { schemaRegex } from '../text/constraint/json-schema';
import { parseRegex } from '../text/constraint/parse-regex';
import type { ContextRunner } from './runner';
import type { GenerateOptions } from './types';

/** What keeps an answer within a regular expression or a JSON schema. Throws `unsupported` or `invalid-option` before the first token. */
export function guideFor(
  { parts }: ContextRunner,
  constraint: NonNullable<GenerateOptions['responseConstraint']>,
  endIds: readonly number[],
): Guide {
  const isRegex = constraint instanceof RegExp;
  const regex = isRegex ? constraint : { source: schemaRegex(constraint), flags: 'u' };
  const automaton = new Automaton(parseRegex(regex), isRegex ? String(constraint) : 'The JSON schema');
  return new Guide(automaton, { ...parts.tokenizer.vocabulary(), size: parts.manifest.config.vocab }, endIds);
}
