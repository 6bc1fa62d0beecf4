// RateLimit and RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers-11): what a caller may ask, and what is left of it.

import type { Quota } from '@hongyan/protocol/refusals';

/** `retryAfterMs`: of a refusal, until the next request would be accepted. */
export function setRateLimit(headers: Headers, quota: Quota, retryAfterMs = 0): void {
  const { name, size, windowS, remaining } = quota;
  // The fields have whole numbers only.
  headers.set('ratelimit-policy', `"${name}";q=${Math.floor(size)};w=${windowS}`);
  const resetS = retryAfterMs > 0 ? Math.ceil(retryAfterMs / 1000) : windowS;
  headers.set('ratelimit', `"${name}";r=${remaining};t=${resetS}`);
}
