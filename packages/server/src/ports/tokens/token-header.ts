// Reads the header of a token before its signature is verified. Do not trust it.

import { decodeProtectedHeader, type ProtectedHeaderParameters } from 'jose';

/** undefined when the text is not a token. */
export function tokenHeader(token: string): ProtectedHeaderParameters | undefined {
  try {
    return decodeProtectedHeader(token);
  } catch {
    // jose throws for malformed tokens.
    return undefined;
  }
}
