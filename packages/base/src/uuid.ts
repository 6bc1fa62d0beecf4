// UUIDv7 (RFC 9562): ids that sort by creation time, so that an index over them is appended to.

import { hexOfByte } from './hex.ts';

/** Ids of one process increase strictly, also when the clock steps back. */
export function createUuidV7(nowMs: () => number): () => string {
  let lastMs = 0;
  let timeText = '';
  let counter = 0;
  const random = createRandomWords();
  /** Caches the text of the time, which many ids share. */
  const setTime = (timeMs: number) => {
    lastMs = timeMs;
    const digits = timeMs.toString(16).padStart(12, '0');
    timeText = `${digits.slice(0, 8)}-${digits.slice(8)}-`;
  };
  return () => {
    const now = nowMs();
    if (now > lastMs) {
      setTime(now);
      counter = Math.floor(Math.random() * 0x400);
    } else if (++counter > 0xfff) {
      setTime(lastMs + 1);
      counter = 0;
    }
    const high = random();
    const low = random();
    const version = hexOfByte(0x70 | (counter >>> 8)) + hexOfByte(counter);
    const variant = hexOfByte(0x80 | (high & 0x3f)) + hexOfByte(high >>> 8);
    return `${timeText}${version}-${variant}-${hexOfByte(high >>> 16)}${hexOfByte(high >>> 24)}${hexOfWord(low)}`;
  };
}

const hexOfWord = (word: number): string =>
  hexOfByte(word) + hexOfByte(word >>> 8) + hexOfByte(word >>> 16) + hexOfByte(word >>> 24);

/** The Unix milliseconds inside a UUIDv7. */
export function uuidV7TimeMs(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}

/** Returns 32 random bits per call; reads many at a time from the system. */
function createRandomWords(): () => number {
  const words = new Uint32Array(1024);
  let next = words.length;
  return () => {
    if (next === words.length) {
      crypto.getRandomValues(words);
      next = 0;
    }
    return words[next++] ?? 0;
  };
}
