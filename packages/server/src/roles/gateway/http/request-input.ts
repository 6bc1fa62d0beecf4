// Builds the input of an operation from an HTTP request: the path parameters, and the query or the JSON body.

import { ok } from '@hongyan/base/result';
import type { OperationSpec } from '@hongyan/protocol/operations/operation';
import { type Input, type OperationName, operations } from '@hongyan/protocol/operations/operations';
import { parseInput, parseJson } from '@hongyan/protocol/parse';
import { type Result, refusal } from '@hongyan/protocol/refusals';
import { repeatedIn, targetOf } from '../../../http/request-target.ts';

export interface InputOptions {
  readonly frameBytesMax: number;
  /** Returns the text as it was sent. */
  readonly readBody: (request: Request, bytesMax: number) => Promise<Result<string>>;
}

export interface RoutedRequest {
  readonly request: Request;
  /** The parameters of its path, decoded. */
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
    if (!isObject(body.value)) return refusal.invalid('the body must be a JSON object');
    rest = body.value;
  } else {
    const query = queryOf(target, spec);
    if (query.type !== 'ok') return query;
    rest = query.value;
  }
  return parseInput(name, { ...rest, ...fromTexts(Object.entries(params), spec) });
}

/** GET and DELETE have a query; so has a PUT whose whole input is in the path. The others have a body. */
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

/** The router and URLSearchParams would replace invalid sequences by U+FFFD, and so change the input. */
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

/** Converts texts to the integers and booleans that the schema requires; other values stay texts and are validated as such. */
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
