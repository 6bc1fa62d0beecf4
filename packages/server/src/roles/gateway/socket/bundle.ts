// Bundles: several frames in one WebSocket message, as a JSON array. Both sides then handle one message instead of many.

/** A bundle is split at this size; a longer frame is sent alone. */
export const bundleBytesMax = 64 * 1024;

/** Returns the messages that contain these frames, in order. A message with one frame is that frame, without an array. */
export function bundle(frames: readonly string[]): readonly string[] {
  if (frames.length === 1) return frames;
  const whole = wrap(frames);
  // UTF-8 needs at most 3 bytes for a UTF-16 unit: only long bundles are measured.
  if (whole.length * 3 <= bundleBytesMax || Buffer.byteLength(whole) <= bundleBytesMax) return [whole];
  return cut(frames);
}

function cut(frames: readonly string[]): string[] {
  const messages: string[] = [];
  let chunk: string[] = [];
  let bytes = 1;
  for (const frame of frames) {
    const frameBytes = Buffer.byteLength(frame) + 1;
    if (chunk.length > 0 && bytes + frameBytes > bundleBytesMax) {
      messages.push(wrap(chunk));
      chunk = [];
      bytes = 1;
    }
    chunk.push(frame);
    bytes += frameBytes;
  }
  messages.push(wrap(chunk));
  return messages;
}

const wrap = (frames: readonly string[]): string => (frames.length === 1 ? (frames[0] ?? '') : `[${frames.join(',')}]`);

export const isBundle = (text: string): boolean => /^[ \t\r\n]*\[/.test(text);

/**
 * Returns the exact text of each frame, so that an error can repeat its id; undefined when the text is not an array with at least one
 * element. The elements are validated later, each by the parser of frames.
 */
export function unbundle(text: string): readonly string[] | undefined {
  const frames: string[] = [];
  const open = text.indexOf('[');
  let depth = 0;
  let start = open + 1;
  for (let at = start; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case quote:
        at = endOfString(text, at);
        break;
      case openBrace:
      case openBracket:
        depth++;
        break;
      case comma:
        if (depth > 0) break;
        frames.push(text.slice(start, at));
        start = at + 1;
        break;
      case closeBrace:
      case closeBracket:
        if (--depth >= 0) break;
        if (text.charCodeAt(at) !== closeBracket || text.slice(at + 1).trim() !== '') return undefined;
        frames.push(text.slice(start, at));
        return frames.every((frame) => frame.trim() !== '') ? frames : undefined;
    }
  }
  return undefined;
}

const [quote, backslash, comma, openBracket, closeBracket, openBrace, closeBrace] = [34, 92, 44, 91, 93, 123, 125];

/** Where the string that begins at `from` ends; the end of the text when it does not. */
function endOfString(text: string, from: number): number {
  for (let at = from + 1; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === backslash) at++;
    else if (code === quote) return at;
  }
  return text.length;
}
