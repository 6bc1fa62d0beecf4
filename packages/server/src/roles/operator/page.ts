// A page of a list, as the query of a request asks for it: its length, and the "next" of the page before.

import { ok } from '@hongyan/base/result';
import type { Result } from '@hongyan/protocol/refusals';
import { limitIn } from './query.ts';

export interface PageRequest {
  readonly limit: number;
  readonly after?: string;
}

export function pageIn(query: URLSearchParams): Result<PageRequest> {
  const limit = limitIn(query);
  if (limit.type !== 'ok') return limit;
  const after = query.get('after');
  return ok({ limit: limit.value, ...(after === null ? {} : { after }) });
}

/** Where the next page begins; absent behind the last one. */
export function nextOf<T>(page: readonly T[], limit: number, keyOf: (last: T) => string): { readonly next?: string } {
  const last = page.at(-1);
  return last === undefined || page.length < limit ? {} : { next: keyOf(last) };
}

/** Of a search, which gives its best matches alone: whether there may be more than these. */
export const cutOf = (found: readonly unknown[], limit: number): { readonly is_cut: boolean } => ({
  is_cut: found.length >= limit,
});
