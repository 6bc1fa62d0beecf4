// Whether an IP address belongs to the public internet. A webhook to any other would reach into the server's network (SSRF) [W6].

/** The bytes of a prefix, and its length in bits. */
type Block = readonly [bytes: readonly number[], bits: number];

/** The special-purpose addresses of the IANA registries, and the metadata address of a large provider. */
const closedV4: readonly Block[] = [
  [[0], 8],
  [[10], 8],
  [[100, 64], 10],
  [[127], 8],
  [[168, 63, 129, 16], 32],
  [[169, 254], 16],
  [[172, 16], 12],
  [[192, 0, 0], 24],
  [[192, 0, 2], 24],
  [[192, 88, 99], 24],
  [[192, 168], 16],
  [[198, 18], 15],
  [[198, 51, 100], 24],
  [[203, 0, 113], 24],
  [[224], 4],
  [[240], 4],
];
/** Global unicast. Addresses outside of it are not public, and neither are the blocks below, used by protocols and documentation. */
const openV6: Block = [[0x20], 3];
const closedV6: readonly Block[] = [
  [[0x20, 0x01, 0x00], 23],
  [[0x20, 0x01, 0x0d, 0xb8], 32],
  [[0x20, 0x02], 16],
  [[0x3f, 0xff, 0x00], 20],
];
/** IPv4 addresses embedded in IPv6: mapped, and translated (NAT64). */
const mappedV4: Block = [[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff], 96];
const translatedV4: Block = [[0x00, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0], 96];

/** False for text that is not an address. */
export function isPublicAddress(address: string): boolean {
  const v4 = bytesOfV4(address);
  if (v4) return isPublicV4(v4);
  const v6 = bytesOfV6(address);
  if (!v6) return false;
  if (isWithin(v6, mappedV4) || isWithin(v6, translatedV4)) return isPublicV4(v6.slice(12));
  return isWithin(v6, openV6) && !closedV6.some((block) => isWithin(v6, block));
}

const isPublicV4 = (bytes: readonly number[]): boolean => !closedV4.some((block) => isWithin(bytes, block));

function isWithin(address: readonly number[], [bytes, bits]: Block): boolean {
  for (let bit = 0; bit < bits; bit += 8) {
    const mask = bits - bit >= 8 ? 0xff : (0xff << (8 - (bits - bit))) & 0xff;
    const index = bit / 8;
    if (((address[index] ?? 0) & mask) !== ((bytes[index] ?? 0) & mask)) return false;
  }
  return true;
}

/** Accepts only the canonical form: four decimal numbers. */
function bytesOfV4(address: string): readonly number[] | undefined {
  if (!/^\d{1,3}(\.\d{1,3}){3}$/.test(address)) return undefined;
  const bytes = address.split('.').map(Number);
  return bytes.every((byte) => byte <= 255) ? bytes : undefined;
}

function bytesOfV6(address: string): readonly number[] | undefined {
  const [head = '', tail, more] = withV4InHex(address).split('::');
  if (more !== undefined || !/^[0-9a-f:]*$/i.test(head + (tail ?? ''))) return undefined;
  const front = groupsOf(head);
  const back = groupsOf(tail ?? '');
  const missing = 8 - front.length - back.length;
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined;
  const groups = [...front, ...Array.from({ length: missing }, () => '0'), ...back];
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return undefined;
  return groups.flatMap((group) => {
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
}

const groupsOf = (text: string): readonly string[] => (text === '' ? [] : text.split(':'));

/** Rewrites the IPv4 part of "::ffff:10.0.0.1" as two hexadecimal groups. */
function withV4InHex(address: string): string {
  const at = address.lastIndexOf(':');
  const [a, b, c, d] = bytesOfV4(address.slice(at + 1)) ?? [];
  if (at < 0 || a === undefined || b === undefined || c === undefined || d === undefined) return address;
  return `${address.slice(0, at + 1)}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
}
