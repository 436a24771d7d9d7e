/** A piece of a template: words, or one of the model's special tokens. */
export type TemplatePart = { type: 'text'; value: string } | { type: 'token'; id: number };

/** A template taken apart at the special tokens it holds (`prompt.templateTokens`); everything else is text. */
export function templateParts(
  template: string,
  tokens: readonly { content: string; id: number }[] = [],
): TemplatePart[] {
  const [first, ...rest] = tokens;
  if (template === '') return [];
  if (!first) return [{ type: 'text', value: template }];
  const pieces = template.split(first.content).map((piece) => templateParts(piece, rest));
  return pieces.flatMap((parts, i) => (i === 0 ? parts : [{ type: 'token', id: first.id }, ...parts]));
}
