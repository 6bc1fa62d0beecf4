// Addresses inside a text: http and https, www. without a scheme, and e-mail. Nothing else becomes a link.

export interface Part {
  readonly at: number;
  readonly text: string;
  /** Where the link leads; undefined for plain text. */
  readonly href?: string;
}

/** The parts together are the text. */
export function partsOf(text: string): readonly Part[] {
  const parts: Part[] = [];
  let end = 0;
  for (const match of text.matchAll(candidate)) {
    const link = match.groups?.mail === undefined ? webLink(match[0]) : { text: match[0], href: `mailto:${match[0]}` };
    if (!link) continue;
    if (match.index > end) parts.push({ at: end, text: text.slice(end, match.index) });
    parts.push({ at: match.index, ...link });
    end = match.index + link.text.length;
  }
  if (end < text.length) parts.push({ at: end, text: text.slice(end) });
  return parts;
}

/** Not inside a word or an address. Punctuation of Chinese and quotes never belong to an address; brackets are looked at below. */
const candidate =
  /(?<![\w.%+@/-])(?:(?<web>(?:https?:\/\/|www\.)[^\s<>"“”«»，。；！？、：（）【】《》「」]+)|(?<mail>[\w.%+-]{1,64}@[a-z\d-]+(?:\.[a-z\d-]+)*\.[a-z]{2,24}(?![\w-])))/giu;

function webLink(found: string): { readonly text: string; readonly href: string } | undefined {
  const text = withoutTail(found);
  const href = /^www\./i.test(text) ? `https://${text}` : text;
  const host = URL.canParse(href) ? new URL(href).hostname : '';
  if (host === '' || (href !== text && !/^www\.[^.]+\../i.test(host))) return undefined;
  return { text, href };
}

const openerOf: Readonly<Record<string, string>> = { ')': '(', ']': '[', '}': '{' };
const openers = new Set(Object.values(openerOf));

/** Ends before a bracket that closes one of the sentence, and before punctuation at the end. */
function withoutTail(found: string): string {
  const open: string[] = [];
  for (let index = 0; index < found.length; index++) {
    const character = found.charAt(index);
    if (openers.has(character)) open.push(character);
    const opener = openerOf[character];
    if (opener !== undefined && open.pop() !== opener) return withoutPunctuation(found.slice(0, index));
  }
  return withoutPunctuation(found);
}

const withoutPunctuation = (text: string): string => text.replace(/[.,;:!?'’*~…]+$/u, '');
