// The headers RateLimit and RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers-11): the caller's quota, and the rest of it.

import type { Quota } from '@hongyan/protocol/refusals';

/** `retryAfterMs`: set for a refusal; the time until the next request is accepted. */
export function setRateLimit(headers: Headers, quota: Quota, retryAfterMs = 0): void {
  const { name, size, windowS, remaining } = quota;
  // The fields allow integers only.
  headers.set('ratelimit-policy', `"${name}";q=${Math.floor(size)};w=${windowS}`);
  const resetS = retryAfterMs > 0 ? Math.ceil(retryAfterMs / 1000) : windowS;
  headers.set('ratelimit', `"${name}";r=${remaining};t=${resetS}`);
}
