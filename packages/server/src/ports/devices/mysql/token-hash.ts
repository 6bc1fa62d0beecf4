// The key of a token: half of its SHA-256. It keeps the index narrow, and nobody can construct two tokens with the same key.

import type { DeviceToken } from '@hongyan/protocol/ids';

const hashBytes = 16;
/** The leading bytes of the hash that JavaScript can represent exactly as a number. */
const orderBytes = 6;

export function tokenHash(token: DeviceToken): Buffer {
  return new Bun.CryptoHasher('sha256').update(token).digest().subarray(0, hashBytes);
}

/** A number in the order of the index. */
export const hashOrder = (hash: Buffer): number => hash.readUIntBE(0, orderBytes);
