// What a token says about how it was signed, before anything about it is known to be true.

import { decodeProtectedHeader, type ProtectedHeaderParameters } from 'jose';

/** undefined for what is no token. */
export function tokenHeader(token: string): ProtectedHeaderParameters | undefined {
  try {
    return decodeProtectedHeader(token);
  } catch {
    // Garbage in the place of a token: jose's way to say so.
    return undefined;
  }
}
