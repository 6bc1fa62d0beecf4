// The stored form of ids: a canonical UUID as its 16 bytes, less than half of its text, and any other id as text.

/** SQLite distinguishes blobs from texts, so that the two kinds cannot be confused. */
export type PackedId = Uint8Array | string;

const canonicalUuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
/** The offset of the two digits of each byte in the text. */
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

const digits = Buffer.from('0123456789abcdef');
/** A buffer for one id. Concatenating slices instead would make a page of history take half as long again. */
const text = Buffer.from('00000000-0000-0000-0000-000000000000');

export function unpackId(packed: PackedId): string {
  if (typeof packed === 'string') return packed;
  for (let index = 0; index < 16; index++) {
    const [byte, offset] = [packed[index] ?? 0, digitOffsets[index] ?? 0];
    text[offset] = digits[byte >> 4] ?? 0;
    text[offset + 1] = digits[byte & 15] ?? 0;
  }
  return text.toString('latin1');
}
