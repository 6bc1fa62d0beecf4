// Reads the headers of a request that is signed with an API key.

import type { Signature } from '../sender.ts';

/** undefined when a header is missing or malformed. */
export function signatureOf(headers: Headers): Signature | undefined {
  const keyId = headers.get('hongyan-key-id') ?? '';
  const timestamp = headers.get('hongyan-timestamp') ?? '';
  const signature = headers.get('hongyan-signature') ?? '';
  if (keyId === '' || keyId.length > 64 || !/^\d{1,15}$/.test(timestamp) || !/^[0-9a-f]{64}$/i.test(signature))
    return undefined;
  return { keyId, signedAtMs: Number(timestamp), signature: signature.toLowerCase(), body: '' };
}
