// Numbers in the query of an operator's request.

import { ok } from '@hongyan/base/result';
import { type Result, refusal } from '@hongyan/protocol/refusals';

const limitDefault = 50;
const limitMax = 500;

/** undefined = not given. */
export function numberIn(query: URLSearchParams, name: string): Result<number | undefined> {
  const text = query.get(name);
  if (text === null) return ok(undefined);
  return /^\d{1,15}$/.test(text) ? ok(Number(text)) : refusal.invalid(`${name} must be a whole number`);
}

/** `limit`, cut to what one answer holds. */
export function limitIn(query: URLSearchParams): Result<number> {
  const given = numberIn(query, 'limit');
  if (given.type !== 'ok') return given;
  return ok(Math.min(Math.max(given.value ?? limitDefault, 1), limitMax));
}
