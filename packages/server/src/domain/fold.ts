// The form in which names and search queries are compared: one place decides what counts as the same text.

/** A name is found by this many of its words at most, so that one name cannot fill the index. */
export const keysMax = 64;
/** Words and queries are compared by this many code points at most. */
const keySizeMax = 32;

/** Text written without spaces: every letter begins a word. Hangul is here because family and given name are written together. */
const unspaced = String.raw`\p{scx=Han}\p{scx=Hira}\p{scx=Kana}\p{scx=Hang}\p{scx=Thai}\p{scx=Lao}\p{scx=Khmr}\p{scx=Mymr}`;
const wordStarts = new RegExp(String.raw`^|(?<![\p{L}\p{N}\p{M}])[\p{L}\p{N}]|(?=[${unspaced}])\p{L}`, 'gv');

/**
 * Compatibility forms, case, composition and invisible characters do not matter: "Rene\u0301", "RENÉ" and "ｒｅｎé" are equal,
 * and so are the two forms of the Greek sigma. NFKC then lower case then NFKC, since lower case can decompose.
 */
export function fold(text: string): string {
  return text
    .normalize('NFKC')
    .toLowerCase()
    .normalize('NFKC')
    .replaceAll('ς', 'σ')
    .replace(/\p{Default_Ignorable_Code_Point}/gu, '')
    .replace(/\s+/gu, ' ')
    .trim();
}

/**
 * What a name is found by: the rest of the name from the start of each word, so that a query of several words finds it too.
 * A name that contains no word is found by its first character.
 */
export function searchKeys(name: string): readonly string[] {
  const folded = fold(name);
  if (folded === '') return [];
  const keys = new Set<string>();
  for (const { index } of folded.matchAll(wordStarts)) {
    if (keys.size >= keysMax) break;
    keys.add(cut(folded.slice(index)));
  }
  return [...keys];
}

/** The prefix that the keys of matching names begin with; empty finds nothing. */
export const searchPrefix = (query: string): string => cut(fold(query));

/** Sorts behind every text that begins with the prefix. */
export const pastPrefix = (prefix: string): string => `${prefix}\u{10ffff}`;

/** Code points, not UTF-16 units: half a surrogate pair is no text. */
const cut = (text: string): string => (text.length <= keySizeMax ? text : [...text].slice(0, keySizeMax).join(''));
