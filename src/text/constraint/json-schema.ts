import { FlamingoError } from '../../core/errors';

export type JsonSchema = Readonly<Record<string, unknown>>;

/** Keywords that say nothing about which texts are valid, or that hold for all that is written here. */
const SILENT = new Set([
  'title',
  'description',
  'default',
  'examples',
  '$schema',
  '$id',
  '$comment',
  'additionalProperties',
  'deprecated',
  'readOnly',
  'writeOnly',
]);

const CHARACTER = String.raw`(?:[^"\\\u0000-\u001f]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})`;
const INTEGER = '-?(?:0|[1-9][0-9]{0,15})';
const NUMBER = String.raw`${INTEGER}(?:\.[0-9]{1,15})?(?:[eE][+-]?[0-9]{1,2})?`;
const COMMA = ', ?';

/**
 * A regular expression for JSON texts that a schema allows: properties in the order of the schema, at most one space after commas and colons. Throws `unsupported` naming the keyword that it
 * cannot follow: what is written is always valid, so nothing is left out silently.
 */
export function schemaRegex(schema: JsonSchema, at = '#'): string {
  const known = (...names: string[]) => {
    const other = Object.keys(schema).find((name) => !names.includes(name) && !SILENT.has(name));
    if (other) throw unsupported(`${at}/${other}`);
  };
  if ('const' in schema) {
    known('const', 'type');
    return literal(schema.const);
  }
  if (Array.isArray(schema.enum)) {
    known('enum', 'type');
    return anyOf(schema.enum.map(literal));
  }
  for (const name of ['anyOf', 'oneOf'] as const) {
    const options = schema[name];
    if (!Array.isArray(options)) continue;
    known(name);
    return anyOf(options.map((option, i) => schemaRegex(option, `${at}/${name}/${i}`)));
  }
  if (Array.isArray(schema.type)) {
    known('type');
    return anyOf(schema.type.map((type) => schemaRegex({ type }, at)));
  }
  return typeRegex(schema, at, known);
}

function typeRegex(schema: JsonSchema, at: string, known: (...names: string[]) => void): string {
  switch (schema.type) {
    case 'null':
    case 'boolean':
    case 'integer':
    case 'number':
      known('type');
      return { null: 'null', boolean: '(?:true|false)', integer: INTEGER, number: NUMBER }[schema.type];
    case 'string':
      known('type', 'minLength', 'maxLength');
      return `"${CHARACTER}${counts(schema.minLength, schema.maxLength)}"`;
    case 'array':
      known('type', 'items', 'minItems', 'maxItems');
      return arrayRegex(schema, at);
    case 'object':
      known('type', 'properties', 'required');
      return objectRegex(schema, at);
    default:
      throw unsupported(`${at}/type`);
  }
}

function arrayRegex({ items, minItems = 0, maxItems }: JsonSchema, at: string): string {
  if (typeof items !== 'object' || items === null) throw unsupported(`${at}/items`);
  const item = schemaRegex(items as JsonSchema, `${at}/items`);
  if (maxItems === 0) return String.raw`\[\]`;
  const more = counts(Math.max(0, Number(minItems) - 1), maxItems === undefined ? undefined : Number(maxItems) - 1);
  const some = `${item}(?:${COMMA}${item})${more}`;
  return String.raw`\[${Number(minItems) > 0 ? some : `(?:${some})?`}\]`;
}

function objectRegex({ properties = {}, required = [] }: JsonSchema, at: string): string {
  const names = Object.keys(properties as JsonSchema);
  const needed = new Set(required as string[]);
  const missing = [...needed].find((name) => !names.includes(name));
  if (missing) throw unsupported(`${at}/required/${missing}`);
  const pairs = names.map((name) => {
    const value = schemaRegex((properties as Record<string, JsonSchema>)[name], `${at}/properties/${name}`);
    return { text: `${literal(name)}: ?${value}`, needed: needed.has(name) };
  });
  // What follows a pair that was written; and what follows when none was yet.
  let [later, first] = ['', ''];
  for (const { text, needed: must } of pairs.reverse()) {
    const [begins, goesOn] = [`${text}${later}`, `${COMMA}${text}${later}`];
    first = must ? begins : `(?:${begins}|${first})`;
    later = must ? goesOn : `(?:${COMMA}${text})?${later}`;
  }
  return String.raw`\{${first}\}`;
}

function literal(value: unknown): string {
  return JSON.stringify(value).replace(/[\\^$.*+?()[\]{}|/]/g, String.raw`\$&`);
}

function anyOf(options: readonly string[]): string {
  return `(?:${options.join('|')})`;
}

function counts(least: unknown = 0, most?: unknown): string {
  return `{${Number(least)},${most === undefined ? '' : Number(most)}}`;
}

function unsupported(at: string): FlamingoError {
  return new FlamingoError('unsupported', `The JSON schema has ${at}, which a constraint cannot follow.`, {
    hint: 'Use type, properties, required, items, minItems, maxItems, minLength, maxLength, enum, const, anyOf.',
    details: { at },
  });
}
