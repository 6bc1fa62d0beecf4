// From an HTTP request to the input of its operation: path parameters, and the query or else the JSON body, together.

import { ok } from '@hongyan/base/result';
import type { OperationSpec } from '@hongyan/protocol/operations/operation';
import { type Input, type OperationName, operations } from '@hongyan/protocol/operations/operations';
import { parseInput, parseJson } from '@hongyan/protocol/parse';
import { type Result, refusal } from '@hongyan/protocol/refusals';
import { repeatedIn, targetOf } from '../../../http/request-target.ts';

export interface InputOptions {
  readonly frameBytesMax: number;
  /** As it was sent. */
  readonly readBody: (request: Request, bytesMax: number) => Promise<Result<string>>;
}

export interface RoutedRequest {
  readonly request: Request;
  /** Of its path, decoded. */
  readonly params: Readonly<Record<string, string>>;
}

export async function readInput<N extends OperationName>(
  name: N,
  { request, params }: RoutedRequest,
  { frameBytesMax, readBody }: InputOptions,
): Promise<Result<Input<N>>> {
  const spec: OperationSpec = operations[name];
  const target = targetOf(request.url);
  if (!isDecodable(target)) return refusal.invalid('the address is not valid UTF-8 in percent-encoding');
  let rest: Record<string, unknown>;
  if (hasBody(spec)) {
    const text = await readBody(request, spec.inputBytesMax ?? frameBytesMax);
    if (text.type !== 'ok') return text;
    const body = parseJson(text.value);
    if (body.type !== 'ok') return body;
    if (!isObject(body.value)) return refusal.invalid('the body is a JSON object');
    rest = body.value;
  } else {
    const query = queryOf(target, spec);
    if (query.type !== 'ok') return query;
    rest = query.value;
  }
  return parseInput(name, { ...rest, ...fromTexts(Object.entries(params), spec) });
}

/** GET and DELETE take the rest of their input from the query; so does PUT where the path says it all. */
export function hasBody({ http, input }: OperationSpec): boolean {
  if (http === undefined || http.method === 'GET' || http.method === 'DELETE') return false;
  const params = pathParams(http.path);
  const { properties } = input as { readonly properties?: object };
  return properties === undefined || Object.keys(properties).some((name) => !params.includes(name));
}

export const pathParams = (path: string): readonly string[] =>
  [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** What cannot be decoded would be changed: the router and URLSearchParams put U+FFFD in its place. */
function isDecodable(target: string): boolean {
  if (!target.includes('%')) return true;
  try {
    decodeURIComponent(target);
    return true;
  } catch {
    // URIError.
    return false;
  }
}

function queryOf(target: string, spec: OperationSpec): Result<Record<string, unknown>> {
  const at = target.indexOf('?');
  if (at < 0) return ok({});
  const query = new URLSearchParams(target.slice(at + 1));
  const { properties = {} } = spec.input as { readonly properties?: object };
  const repeated = repeatedIn(query, Object.keys(properties));
  return repeated === undefined ? ok(fromTexts(query, spec)) : refusal.repeatedParameter(repeated);
}

/** Values of path and query are text; those that the schema wants as integers or booleans are converted, all else stays and is checked as text. */
function fromTexts(texts: Iterable<readonly [string, string]>, { input }: OperationSpec): Record<string, unknown> {
  const { properties = {} } = input as { readonly properties?: Record<string, { readonly type?: string }> };
  const values: Record<string, unknown> = {};
  for (const [name, text] of texts)
    if (Object.hasOwn(properties, name)) values[name] = fromText(text, properties[name]?.type);
  return values;
}

function fromText(text: string, type: string | undefined): unknown {
  if (type === 'integer' && /^-?\d{1,16}$/.test(text)) return Number(text);
  if (type === 'boolean' && (text === 'true' || text === 'false')) return text === 'true';
  return text;
}
