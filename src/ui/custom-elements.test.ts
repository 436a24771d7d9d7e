import { readdirSync, readFileSync } from 'node:fs';
import * as ts from 'typescript';
import { describe, expect, it } from 'vitest';

/** custom-elements.json is what people and editors read: it names exactly what the code has. */

interface Named {
  name: string;
}
interface Declaration {
  tagName: string;
  attributes: (Named & { fieldName: string })[];
  members: (Named & { attribute?: string })[];
  events: Named[];
  slots: Named[];
  cssParts: Named[];
  cssProperties: Named[];
}

const declaration: Declaration = JSON.parse(readFileSync('custom-elements.json', 'utf8')).modules[0].declarations[0];
const element = readFileSync('src/ui/flamingo-chat.ts', 'utf8');
const settable = readFileSync('src/ui/chat-properties.ts', 'utf8');
const sources = readdirSync('src/ui')
  .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
  .map((name) => readFileSync(`src/ui/${name}`, 'utf8'))
  .join('\n');

const names = (list: readonly Named[]) => list.map(({ name }) => name).sort();
/** First groups of all matches, each once. */
const found = (text: string, pattern: RegExp) =>
  [...new Set([...text.matchAll(pattern)].map((match) => match[1]))].sort();

/** Public fields, accessors and methods of the class in a source text, without what Lit calls. */
function publicMembers(source: string): string[] {
  const file = ts.createSourceFile('class.ts', source, ts.ScriptTarget.Latest, true);
  const declared = file.statements.find((each) => ts.isClassDeclaration(each));
  const hidden = new Set([
    ts.SyntaxKind.PrivateKeyword,
    ts.SyntaxKind.ProtectedKeyword,
    ts.SyntaxKind.OverrideKeyword,
    ts.SyntaxKind.StaticKeyword,
  ]);
  return (declared?.members ?? [])
    .filter(
      (member) =>
        member.name && ts.canHaveModifiers(member) && !ts.getModifiers(member)?.some(({ kind }) => hidden.has(kind)),
    )
    .map((member) => member.name?.getText() ?? '');
}

describe('custom-elements.json', () => {
  it('names the element', () => {
    expect(found(element, /customElements\.define\('([\w-]+)'/g)).toEqual([declaration.tagName]);
  });

  it('names its public members', () => {
    expect(names(declaration.members)).toEqual([element, settable].flatMap(publicMembers).sort());
  });

  it('names its attributes', () => {
    const properties = settable.slice(settable.indexOf('static override readonly properties'));
    const attributes = [...properties.matchAll(/(\w+): \{ type: \w+,( attribute: '([\w-]+)',)?/g)].map((match) => ({
      name: match[3] ?? match[1],
      fieldName: match[1],
    }));
    expect(declaration.attributes).toEqual(attributes);
    expect(declaration.members.flatMap(({ attribute }) => attribute ?? [])).toEqual(attributes.map(({ name }) => name));
  });

  it('names its events, slots, parts and custom properties', () => {
    expect(names(declaration.events)).toEqual(found(element, /emit\('([\w-]+)'/g));
    expect(names(declaration.slots)).toEqual(found(sources, /<slot name="([\w-]+)"/g));
    expect(names(declaration.cssParts)).toEqual(found(sources, / part="([\w-]+)"/g));
    expect(names(declaration.cssProperties)).toEqual(found(sources, /var\((--flamingo-[\w-]+)/g));
  });
});
