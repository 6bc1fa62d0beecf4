// UUIDv7 (RFC 9562): ids that sort by the time they were made, so an index over them is appended to, not scattered.

/** Ids made in one process only grow, also when the clock steps back: the last time used is kept. */
export function createUuidV7(nowMs: () => number): () => string {
  let lastMs = 0;
  let counter = 0;
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
    const random = crypto.getRandomValues(new Uint32Array(2));
    const variant = (((random[0] ?? 0) & 0x3fffffff) | 0x80000000) >>> 0;
    const high = variant.toString(16).padStart(8, '0');
    const low = (random[1] ?? 0).toString(16).padStart(8, '0');
    const tail = Math.floor(Math.random() * 0x10000)
      .toString(16)
      .padStart(4, '0');
    return `${time.slice(0, 8)}-${time.slice(8)}-7${counter.toString(16).padStart(3, '0')}-${high.slice(0, 4)}-${high.slice(4)}${low.slice(0, 4)}${tail}`;
  };
}

/** The Unix milliseconds inside a UUIDv7. */
export function uuidV7TimeMs(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}
