// Normalises names and search queries for comparison.

/** At most this many words of a name are indexed, so that one name cannot fill the index. */
export const keysMax = 64;
/** Words and queries are compared by at most this many code points. */
const keySizeMax = 32;

/** Scripts written without spaces: every letter starts a word. Hangul is included because names are written without a space. */
const unspaced = String.raw`\p{scx=Han}\p{scx=Hira}\p{scx=Kana}\p{scx=Hang}\p{scx=Thai}\p{scx=Lao}\p{scx=Khmr}\p{scx=Mymr}`;
const wordStarts = new RegExp(String.raw`^|(?<![\p{L}\p{N}\p{M}])[\p{L}\p{N}]|(?=[${unspaced}])\p{L}`, 'gv');

/**
 * Removes differences of compatibility forms, case, composition and invisible characters: "Rene\u0301", "RENÉ" and "ｒｅｎé" become
 * equal, and so do the two forms of the Greek sigma. NFKC is applied twice because lower-casing can decompose characters.
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
 * The index keys of a name: the rest of the name from the start of each word, so that a query of several words matches too. The start of
 * the name is always a key.
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

/** Keys of matching names start with this prefix. An empty prefix matches nothing. */
export const searchPrefix = (query: string): string => cut(fold(query));

/** Sorts after every text that starts with the prefix. */
export const pastPrefix = (prefix: string): string => `${prefix}\u{10ffff}`;

/** Cuts by code points: a cut between UTF-16 units could leave half of a surrogate pair. */
const cut = (text: string): string => (text.length <= keySizeMax ? text : [...text].slice(0, keySizeMax).join(''));
