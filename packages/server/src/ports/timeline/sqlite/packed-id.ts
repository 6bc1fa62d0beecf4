// Ids as SQLite stores them: a canonical UUID as its 16 bytes, less than half of its text; any other id as text.

/** SQLite never takes a blob for a text, so the two kinds cannot be confused. */
export type PackedId = Uint8Array | string;

const canonicalUuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
/** Where the two digits of each byte stand in the text. */
const digitOffsets = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];
const digitValues = Uint8Array.from({ length: 128 }, (_, code) => {
  const value = Number.parseInt(String.fromCharCode(code), 16);
  return Number.isNaN(value) ? 0 : value;
});

export function packId(id: string): PackedId {
  if (id.length !== 36 || !canonicalUuid.test(id)) return id;
  const bytes = new Uint8Array(16);
  for (let index = 0; index < 16; index++) {
    const offset = digitOffsets[index] ?? 0;
    const high = digitValues[id.charCodeAt(offset)] ?? 0;
    bytes[index] = (high << 4) | (digitValues[id.charCodeAt(offset + 1)] ?? 0);
  }
  return bytes;
}

export function unpackId(packed: PackedId): string {
  if (typeof packed === 'string') return packed;
  const hex = packed.toHex();
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
