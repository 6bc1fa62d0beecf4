// The edge: from text to a frame or an input that its operation declares, or to the refusal that answers it. Code behind it trusts
// the shapes.

import { ok } from '@hongyan/base/result';
import type { TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { findLossyNumber, numberTextAt } from './exact-numbers.ts';
import { type Input, type OperationName, operations } from './operations/operations.ts';
import { type Result, refusal } from './refusals.ts';
import { explain, type SchemaError } from './schema-error.ts';
import { type Up, type UpType, upSchemas } from './up.ts';

export type ParsedFrame =
  | { readonly type: 'ok'; readonly frame: Up }
  /** `id` as the sender wrote it. */
  | { readonly type: 'refused'; readonly refusal: Exclude<Result<never>, { type: 'ok' }>; readonly id?: string };

interface Checker {
  readonly schema: TSchema;
  readonly validator: { Check(value: unknown): boolean; Errors(value: unknown): readonly SchemaError[] };
}

const frames = new Map<string, Checker>(Object.entries(upSchemas).map(([type, schema]) => [type, checkerOf(schema)]));
const inputs = new Map<OperationName, Checker>();

/** Never throws. */
export function parseFrame(text: string): ParsedFrame {
  const json = parseJson(text);
  if (json.type !== 'ok')
    return { type: 'refused', refusal: json, ...(isObjectText(text) ? { id: numberTextAt(text, 'id') } : {}) };
  const { value } = json;
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return { type: 'refused', refusal: refusal.invalid('a frame is a JSON object with a "type"') };
  const { type } = value as { readonly type?: unknown };
  const checker = typeof type === 'string' ? frames.get(type) : undefined;
  if (checker === undefined) {
    const shown = JSON.stringify(String(type).slice(0, 64));
    return { type: 'refused', refusal: refusal.invalid(`unknown frame type ${shown}`), id: numberTextAt(text, 'id') };
  }
  if (!checker.validator.Check(value))
    return { type: 'refused', refusal: refusalOf(checker, value, type as UpType), id: numberTextAt(text, 'id') };
  return { type: 'ok', frame: value as Up };
}

/** Checks an input that came over HTTP or over the link. */
export function parseInput<N extends OperationName>(name: N, value: unknown): Result<Input<N>> {
  let checker = inputs.get(name);
  if (checker === undefined) {
    checker = checkerOf(operations[name].input);
    inputs.set(name, checker);
  }
  if (checker.validator.Check(value)) return ok(value as Input<N>);
  return refusalOf(checker, value, 'input');
}

/** Checks a value that came from outside against any schema; `where` begins the sentence of a refusal. Each schema is compiled once. */
export function checkShape<T>(schema: TSchema, value: unknown, where: string): Result<T> {
  let checker = shapes.get(schema);
  if (checker === undefined) {
    checker = checkerOf(schema);
    shapes.set(schema, checker);
  }
  return checker.validator.Check(value) ? ok(value as T) : refusalOf(checker, value, where);
}

const shapes = new WeakMap<TSchema, Checker>();

/** JSON that loses nothing: numbers beyond what JavaScript holds, and nesting beyond what receivers' libraries take, are refused. */
export function parseJson(text: string): Result<unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // SyntaxError for bad text, RangeError for nesting that the parser cannot hold: both are the sender's fault.
    return refusal.invalid('the text is not valid JSON');
  }
  const lossy = findLossyNumber(text);
  if (lossy !== undefined) return refusal.lossyNumber(lossy.text);
  if (mayBeDeep(text) && !isShallow(value)) return refusal.tooDeep(depthMax);
  return ok(value);
}

function checkerOf(schema: TSchema): Checker {
  return { schema, validator: Compile(schema) };
}

function refusalOf({ schema, validator }: Checker, value: unknown, where: string) {
  return refusal.invalid(`${where}${explain(schema, validator.Errors(withoutTails(value)))}`);
}

/** No list of an input may be longer. */
export const itemsMax = 1_000;

/** To say that a list is too long the validator looks at each item first, at the cost of microseconds; there may be a million. */
function withoutTails(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const isLong = (field: unknown) => Array.isArray(field) && field.length > itemsMax;
  if (!Object.values(value).some(isLong)) return value;
  const fields = Object.entries(value).map(([key, field]) => [
    key,
    isLong(field) ? field.slice(0, itemsMax + 1) : field,
  ]);
  return Object.fromEntries(fields);
}

const isObjectText = (text: string): boolean => /^\s*\{/.test(text) && text.length <= 65_536;

/** Receivers' JSON libraries stop at various depths. A frame adds two levels to its content. */
export const depthMax = 34;

/** Fewer brackets than levels cannot nest that deep. */
function mayBeDeep(text: string): boolean {
  let count = 0;
  for (const bracket of '{[')
    for (let at = text.indexOf(bracket); at >= 0; at = text.indexOf(bracket, at + 1))
      if (++count > depthMax) return true;
  return false;
}

/** Breadth first, so that its own stack does not grow with the input. */
export function isShallow(value: unknown): boolean {
  let level: unknown[] = [value];
  for (let depth = 0; depth <= depthMax; depth++) {
    const next: unknown[] = [];
    for (const item of level) {
      if (typeof item !== 'object' || item === null) continue;
      for (const child of Array.isArray(item) ? item : Object.values(item))
        if (typeof child === 'object' && child !== null) next.push(child);
    }
    if (next.length === 0) return true;
    level = next;
  }
  return false;
}
