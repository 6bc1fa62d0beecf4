// How long a message may be, so that the composer can say it before a send that the server must refuse.

/** The server's default for content-bytes-max. */
const contentBytesMax = 32_768;
/** From this part of the limit on, what is left is shown. */
const shownFrom = 0.9;

export interface Room {
  /** Characters that may still be written; negative when too many are there. undefined while there is plenty. */
  readonly charactersLeft: number | undefined;
}

export function roomFor(text: string): Room {
  // A UTF-16 unit needs at most six bytes, as \u001f does in JSON: a short text need not be measured.
  if (text.length * 6 < contentBytesMax * shownFrom) return { charactersLeft: undefined };
  const bytes = bytesOf(text);
  if (bytes > contentBytesMax) return { charactersLeft: -charactersBeyond(text, bytes - contentBytesMax) };
  if (bytes < contentBytesMax * shownFrom) return { charactersLeft: undefined };
  const bytesPerCharacter = (bytes - bytesOf('')) / [...text].length;
  return { charactersLeft: Math.floor((contentBytesMax - bytes) / bytesPerCharacter) };
}

/** As the server measures it: the content as JSON in UTF-8. */
function bytesOf(text: string): number {
  return encoder.encode(JSON.stringify({ type: 'text', text })).length;
}

/** Characters to take from the end so that so many bytes are saved. */
function charactersBeyond(text: string, bytes: number): number {
  let count = 0;
  let saved = 0;
  for (const character of [...text].reverse()) {
    if (saved >= bytes) break;
    saved += encoder.encode(JSON.stringify(character)).length - 2;
    count++;
  }
  return count;
}

const encoder = new TextEncoder();
