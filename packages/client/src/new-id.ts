// Ids that this device gives: UUIDv7 (RFC 9562), so that the server's index over the keys of sends is appended to, not scattered.

const form = 'tttttttt-tttt-7rrr-arrr-rrrrrrrrrrrr';

export function newId(nowMs: number): string {
  const time = nowMs.toString(16).padStart(12, '0');
  const random = crypto.getRandomValues(new Uint8Array(form.length));
  let next = 0;
  return form.replace(/[tr]/g, (place, at: number) =>
    place === 't' ? (time[next++] ?? '') : ((random[at] ?? 0) & 15).toString(16),
  );
}
