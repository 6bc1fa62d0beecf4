// Finds numbers in JSON text that JavaScript would change: the server must not acknowledge other content than the client sent.

const mayBeLossy = /[:,[]\s*-?(?:[\d.]{16}|[\d.]+[eE])/;

export interface LossyNumber {
  /** In the spelling of the sender. */
  readonly text: string;
}

/**
 * Cheap for ordinary texts: a number that is not exact has at least 16 characters or an exponent, and follows a bracket, a comma or a
 * colon. Ids contain such digits too, but behind a quote. `within` restricts the search to that field of the object.
 */
export function findLossyNumber(json: string, within?: string): LossyNumber | undefined {
  if (!mayBeLossy.test(json)) return undefined;
  for (const { text, field } of numbersOf(json, longNumber))
    if (!isExact(text) && (within === undefined || JSON.parse(`"${field}"`) === within)) return { text };
  return undefined;
}

/** The number at `key` on the top level of an object, in the spelling of the sender. The text around it may be invalid. */
export function numberTextAt(json: string, key: string): string | undefined {
  for (const number of numbersOf(json, anyNumber))
    if (number.depth === 1 && number.key === key) return jsonNumber.test(number.text) ? number.text : undefined;
  return undefined;
}

interface NumberToken {
  readonly text: string;
  readonly depth: number;
  /** The last string before the number: in an object, its key. */
  readonly key: string;
  /** The last string on the top level before the number: the key of the field that contains it. */
  readonly field: string;
}

/** Without leading zeros. */
const jsonNumber = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/**
 * Tokens of JSON: strings, brackets and numbers. Everything else is skipped. An unterminated string extends to the end of the text.
 * Otherwise the rest would be scanned again from each quote, and one malicious frame could block the process for seconds.
 */
const anyNumber = /"(?:[^"\\]|\\.?)*"?|[{}[\]]|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/gs;
/** Without numbers that are surely exact: one body may contain a million of them. */
const longNumber = /"(?:[^"\\]|\\.?)*"?|[{}[\]]|-?(?=[\d.]{16}|[\d.]+[eE])\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/gs;

function* numbersOf(json: string, token: RegExp): Generator<NumberToken> {
  let depth = 0;
  let key = '';
  let field = '';
  for (const [text] of json.matchAll(token)) {
    const first = text[0] ?? '';
    if (first === '"') {
      key = text.slice(1, -1);
      if (depth === 1) field = key;
    } else if (first === '{' || first === '[') depth++;
    else if (first === '}' || first === ']') depth--;
    else yield { text, depth, key, field };
  }
}

/** The smallest number with all 53 bits. */
const normalMin = 2 ** -1022;

function isExact(text: string): boolean {
  const value = Number(text);
  if (!Number.isFinite(value)) return false;
  if (value === 0) return /^[-0.]+(?:[eE]|$)/.test(text);
  // A double represents any 15 digits exactly.
  if (text.length <= 15 && Math.abs(value) >= normalMin) return true;
  return decimalOf(text) === decimalOf(String(value));
}

/** A canonical form of any decimal value except zero: its significant digits, and the exponent of the last one. */
function decimalOf(text: string): string {
  const [mantissa = '', exponent = '0'] = text.toLowerCase().split('e');
  const [whole = '', fraction = ''] = mantissa.split('.');
  const digits = whole + fraction;
  let length = digits.length;
  // A regular expression for trailing zeros would backtrack at each earlier zero.
  while (digits[length - 1] === '0') length--;
  return `${digits.slice(0, length).replace(/^(-?)0+/, '$1')}e${Number(exponent) + whole.length - length}`;
}
