/**
 * Words of a caption as the official scorers see them: Penn Treebank tokens in lower case, without punctuation marks. Written from what Stanford's PTBTokenizer 3.4.1
 * (`-preserveLines -lowerCase`, as pycocoevalcap calls it) makes of many texts, not from its rules; `fixtures/ptb.json` holds texts and its answers. Known differences
 * are rare: a capital initial that ends a sentence ("vitamin C. He"), emoticons, addresses.
 */
export function ptbTokens(text: string): string[] {
  const tokens: string[] = [];
  const rest = plain(text);
  for (let at = 0; at < rest.length; ) {
    const [kind, raw] = longest(rest, at);
    at += raw.length;
    tokens.push(...kind.split(raw));
  }
  return tokens.map((token) => BRACKETS[token] ?? token.toLowerCase()).filter((token) => !PUNCTUATION.has(token));
}

/** What pycocoevalcap removes. Brackets are not among them once their names are in lower case, as they are there. */
const PUNCTUATION = new Set(["''", "'", '``', '`', '.', '?', '!', ',', ':', '-', '--', '...', ';', '']);

const BRACKETS: Record<string, string> = {
  '(': '-lrb-',
  ')': '-rrb-',
  '[': '-lsb-',
  ']': '-rsb-',
  '{': '-lcb-',
  '}': '-rcb-',
};

/** Signs that the tokeniser writes in ASCII. */
function plain(text: string): string {
  return text
    .replaceAll('\n', ' ')
    .replace(/[\u2018\u2019\u201b]/g, "'")
    .replace(/[\u201c\u201d\u00ab\u00bb]/g, ' " ')
    .replace(/[\u2013\u2014]/g, ' -- ')
    .replaceAll('\u2026', ' ... ')
    .replaceAll('£', ' # ')
    .replaceAll('€', ' $ ')
    .replaceAll('¢', ' cents ')
    .replaceAll('½', ' 1/2 ')
    .replaceAll('¼', ' 1/4 ')
    .replaceAll('¾', ' 3/4 ');
}

/** Abbreviations that keep their full stop. */
const ABBREVIATIONS = new RegExp(
  `^(?:${[
    'mrs?|ms|drs?|prof|profs|messrs|st|ave|blvd|bldg|mt|ft|rd|inc|corp|co|cos|ltd|bros|jr|sr|vs|v|etc|est|esq|rep|sen|gen|gov|pres|rev|hon|capt|sgt|lt|col|maj|cpl|adm',
    'ph\\.d|md|al|cf|cie|dept|plc|mfg|univ|assn|insp|supt|msgr|p|ala|ariz|calif|colo|conn|fla|ga|ind|kans|ky|mich|minn|mo|mont|neb|nev|penn|tenn|va|vt|wis|wyo',
    'jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec|mon|tues?|wed|thu|thurs|fri',
  ].join('|')})\\.|^(?:nos?|art|figs?|pp)\\.(?=\\s*\\d)`,
  'i',
);

interface Kind {
  pattern: RegExp;
  split(raw: string): string[];
}

const one = (raw: string) => [raw];
const at = (length: number) => (raw: string) => [raw.slice(0, length), raw.slice(length)];
const kind = (pattern: RegExp, split: Kind['split'] = one): Kind => ({
  pattern: new RegExp(pattern, `y${pattern.flags}`),
  split,
});

const L = '[\\p{L}\\p{M}]';
const W = '[\\p{L}\\p{M}\\p{N}_]';
/** Letters and digits, joined by hyphens. */
const WORD = `${W}+(?:-${W}+)*`;

/** What a token can be; the longest match wins, the first among equals. */
const KINDS: readonly Kind[] = [
  kind(/\s+/u, () => []),
  // Two words in one.
  kind(/cannot(?![\p{L}\p{N}])/iu, at(3)),
  kind(/(?:gonna|gotta|lemme|gimme|wanna)(?![\p{L}\p{N}])/iu, at(3)),
  kind(/'t(?:is|was)(?![\p{L}\p{N}])/iu, at(2)),
  kind(new RegExp(WORD, 'u')),
  // A word and what is joined to it by an apostrophe: the apostrophe's part is a token of its own.
  kind(new RegExp(`${WORD}(?='(?:s|d|m|ll|re|ve)(?!${L}))`, 'iu')),
  kind(new RegExp(`'(?:s|d|m|ll|re|ve)(?!${L})`, 'iu')),
  kind(new RegExp(`${L}+n't(?!${L})`, 'iu'), (raw) => [raw.slice(0, -3), raw.slice(-3)]),
  kind(new RegExp(`n't(?!${L})`, 'iu')),
  // Apostrophes within a word.
  kind(new RegExp(`${L}+[aeiouy]'[aeiou]${L}*`, 'iu')),
  kind(new RegExp(`${L}+[aeiouyAEIOUY]'[A-Z]${L}*`, 'u')),
  kind(new RegExp(`[a-hj-xz]'(?!(?:ll|re|ve)(?!${L}))${L}{2}${L}*`, 'iu')),
  kind(/'n'|'(?:em|til|till|cause|n|\d0s)(?![\p{L}\p{N}])/iu),
  kind(/y'/iu),
  // Numbers, with signs, times, dates and fractions.
  kind(/[-+]?\d+(?:[,.]\d+)*/u),
  kind(/[-+]?\.\d+/u),
  kind(/\d+(?:[/:]\d+)+/u),
  kind(/\d+-\d+(?:-\d+)*/u),
  kind(/\d+:\d+/u),
  // Names with full stops, slashes, ampersands, at signs.
  kind(new RegExp(`${L}+(?:\\.${L}+)+(?![\\p{L}\\p{N}])`, 'u')),
  kind(/(?<!\p{N})(?:\p{L}\.)+(?!\p{L}{2})/u),
  kind(new RegExp(`${WORD}(?:/${WORD}){1,2}`, 'u')),
  kind(/(?<![\p{L}\p{N}])(?:at&t|r&b|r&d|b&b|m&m|q&a)(?!\p{L})/iu),
  kind(/\w[\w.]*@(?:[\w.]*\w)/u),
  kind(/[@#]\p{L}[\p{L}\p{N}_]*/u),
  kind(/(?:https?:\/\/|www\.)[^\s"<>|]+[^\s"<>|.!?,;:'})\]]/iu),
  kind(/[cC](?:\+\+|#)/u),
  kind(/<\/?\p{L}[^<>]*>/u),
  // Marks.
  kind(/[!?]+/u),
  kind(/\.\.\./u),
  kind(/--+/u, () => ['--']),
  kind(/"|''|``/u, () => []),
  kind(/[^\s\p{L}\p{M}\p{N}]/u),
];

function longest(text: string, position: number): [Kind, string] {
  let best: [Kind, string] | undefined;
  const abbreviation =
    /\p{L}/u.test(text[position]) && !/[\p{L}\p{N}-]/u.test(text[position - 1] ?? '')
      ? ABBREVIATIONS.exec(text.slice(position, position + 9))?.[0]
      : undefined;
  if (abbreviation && !/\p{L}/u.test(text[position + abbreviation.length] ?? ''))
    return [{ pattern: ABBREVIATIONS, split: one }, abbreviation];
  for (const each of KINDS) {
    each.pattern.lastIndex = position;
    const raw = each.pattern.exec(text)?.[0];
    if (raw && raw.length > (best?.[1].length ?? 0)) best = [each, raw];
  }
  return best ?? [KINDS[0], text[position]];
}
