// UUIDv7 (RFC 9562): ids that sort by the time they were made, so an index over them is appended to, not scattered.

/** Ids made in one process only grow, also when the clock steps back: the last time used is kept. */
export function createUuidV7(nowMs: () => number): () => string {
  let lastMs = 0;
  let counter = 0;
  const random = createRandomWords();
  return () => {
    const now = nowMs();
    if (now > lastMs) {
      lastMs = now;
      counter = Math.floor(Math.random() * 0x400);
    } else if (++counter > 0xfff) {
      lastMs++;
      counter = 0;
    }
    const time = lastMs.toString(16).padStart(12, '0');
    const variant = ((random() & 0x3fffffff) | 0x80000000) >>> 0;
    const high = variant.toString(16).padStart(8, '0');
    const low = random().toString(16).padStart(8, '0');
    const tail = (random() >>> 16).toString(16).padStart(4, '0');
    return `${time.slice(0, 8)}-${time.slice(8)}-7${counter.toString(16).padStart(3, '0')}-${high.slice(0, 4)}-${high.slice(4)}${low.slice(0, 4)}${tail}`;
  };
}

/** The Unix milliseconds inside a UUIDv7. */
export function uuidV7TimeMs(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}

/** 32 random bits a call, drawn from the system many at a time. */
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
