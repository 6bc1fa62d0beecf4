// Finds numbers in JSON text that JavaScript would change: an acknowledgement must not be for another content than was sent.

const mayBeLossy = /[:,[]\s*-?(?:[\d.]{16}|[\d.]+[eE])/;

export interface LossyNumber {
  /** As written. */
  readonly text: string;
}

/**
 * Cheap for ordinary texts: only 16 characters or an exponent can make a number that is not held exactly, and a number follows a
 * bracket, a comma or a colon. Most ids have such digits too, but behind a quote. With `within` that field of an object is searched
 * alone.
 */
export function findLossyNumber(json: string, within?: string): LossyNumber | undefined {
  if (!mayBeLossy.test(json)) return undefined;
  for (const { text, field } of numbersOf(json, longNumber))
    if (!isExact(text) && (within === undefined || JSON.parse(`"${field}"`) === within)) return { text };
  return undefined;
}

/** The value of `key` at the top level of an object, as written, when it is a number of JSON; the text around it may be broken. */
export function numberTextAt(json: string, key: string): string | undefined {
  for (const number of numbersOf(json, anyNumber))
    if (number.depth === 1 && number.key === key) return jsonNumber.test(number.text) ? number.text : undefined;
  return undefined;
}

interface NumberToken {
  readonly text: string;
  readonly depth: number;
  /** The last string before it, which in an object is its key. */
  readonly key: string;
  /** The same of the top level: in an object, the key of the field where it is. */
  readonly field: string;
}

/** Without leading zeros. */
const jsonNumber = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/**
 * Tokens of JSON: strings, brackets and numbers; everything else is skipped. A string that is not closed goes on to the end: if it were
 * none, the rest would be read again from each of its quotes, and one frame of a stranger would hold up the process for seconds.
 */
const anyNumber = /"(?:[^"\\]|\\.?)*"?|[{}[\]]|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/gs;
/** The same without the numbers that `mayBeLossy` does not mean: there may be a million of them in one body. */
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
  // A double holds any 15 digits.
  if (text.length <= 15 && Math.abs(value) >= normalMin) return true;
  return decimalOf(text) === decimalOf(String(value));
}

/** One spelling for each decimal value but zero: significant digits and the exponent of the last one. */
function decimalOf(text: string): string {
  const [mantissa = '', exponent = '0'] = text.toLowerCase().split('e');
  const [whole = '', fraction = ''] = mantissa.split('.');
  const digits = whole + fraction;
  let length = digits.length;
  // A pattern for zeros at the end would be tried again at each zero before them.
  while (digits[length - 1] === '0') length--;
  return `${digits.slice(0, length).replace(/^(-?)0+/, '$1')}e${Number(exponent) + whole.length - length}`;
}
