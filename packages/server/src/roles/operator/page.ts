// A page of a list, as the query of a request asks for it.

import { ok } from '@hongyan/base/result';
import { type Result, refusal } from '@hongyan/protocol/refusals';

const limitDefault = 50;
const limitMax = 500;

export interface PageRequest {
  readonly limit: number;
  /** The "next" of the page before. */
  readonly after?: string;
}

export function pageIn(query: URLSearchParams): Result<PageRequest> {
  const limit = Number(query.get('limit') ?? limitDefault);
  if (!Number.isInteger(limit) || limit < 1 || limit > limitMax)
    return refusal.invalid(`limit is a whole number from 1 to ${limitMax}`);
  const after = query.get('after');
  return ok({ limit, ...(after === null ? {} : { after }) });
}

/** Where the next page begins; absent behind the last one. */
export function nextOf<T>(page: readonly T[], limit: number, keyOf: (last: T) => string): { readonly next?: string } {
  const last = page.at(-1);
  return last === undefined || page.length < limit ? {} : { next: keyOf(last) };
}
