// Parses and validates what clients send: text becomes a frame or the input of an operation, or a refusal. Code behind it trusts the
// shapes.

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
  /** `id` in the spelling of the sender. */
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

/** Validates an input received over HTTP or over the link. */
export function parseInput<N extends OperationName>(name: N, value: unknown): Result<Input<N>> {
  let checker = inputs.get(name);
  if (checker === undefined) {
    checker = checkerOf(operations[name].input);
    inputs.set(name, checker);
  }
  if (checker.validator.Check(value)) return ok(value as Input<N>);
  return refusalOf(checker, value, 'input');
}

/** Validates an external value against a schema, which is compiled once. The message of a refusal starts with `where`. */
export function checkShape<T>(schema: TSchema, value: unknown, where: string): Result<T> {
  let checker = shapes.get(schema);
  if (checker === undefined) {
    checker = checkerOf(schema);
    shapes.set(schema, checker);
  }
  return checker.validator.Check(value) ? ok(value as T) : refusalOf(checker, value, where);
}

const shapes = new WeakMap<TSchema, Checker>();

/** Parses JSON without loss. Refuses numbers that JavaScript cannot represent exactly, and nesting deeper than receivers accept. */
export function parseJson(text: string): Result<unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // SyntaxError for invalid text, RangeError for nesting too deep for the parser: both are errors of the sender.
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

/** Upper limit for every list in an input. */
export const itemsMax = 1_000;

/**
 * Truncates too long lists. The validator checks every item before it reports the length, which takes microseconds per item, and a body
 * may contain a million items.
 */
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

/** JSON libraries of receivers have different depth limits. A frame adds two levels to its content. */
export const depthMax = 34;

/** A cheap test: text with fewer opening brackets than levels is not too deep. */
function mayBeDeep(text: string): boolean {
  let count = 0;
  for (const bracket of '{[')
    for (let at = text.indexOf(bracket); at >= 0; at = text.indexOf(bracket, at + 1))
      if (++count > depthMax) return true;
  return false;
}

/** Traverses breadth first, so that the stack does not grow with the input. */
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
