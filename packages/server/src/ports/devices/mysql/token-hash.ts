// Where a token is found: half of its SHA-256, so that the index is narrow and nobody can make two tokens meet in it.

import type { DeviceToken } from '@hongyan/protocol/ids';

const hashBytes = 16;
/** Of its front, as a number that JavaScript holds exactly. */
const orderBytes = 6;

export function tokenHash(token: DeviceToken): Buffer {
  return new Bun.CryptoHasher('sha256').update(token).digest().subarray(0, hashBytes);
}

/** In the order of the index. */
export const hashOrder = (hash: Buffer): number => hash.readUIntBE(0, orderBytes);
