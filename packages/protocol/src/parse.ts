// The edge: from text to a frame or an input that its operation declares, or to the refusal that answers it. Code behind it trusts
// the shapes.

import { ok } from '@hongyan/base/result';
import type { TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { findLossyNumber, numberTextAt } from './exact-numbers.ts';
import { type Input, type OperationName, operations } from './operations/operations.ts';
import { type Result, refusal } from './refusals.ts';
import { type Up, type UpType, upSchemas } from './up.ts';

export type ParsedFrame =
  | { readonly type: 'ok'; readonly frame: Up }
  /** `id` as the sender wrote it. */
  | { readonly type: 'refused'; readonly refusal: Exclude<Result<never>, { type: 'ok' }>; readonly id?: string };

interface Violation {
  readonly keyword: string;
  /** In the schema. */
  readonly schemaPath: string;
  /** In the value. */
  readonly instancePath: string;
  readonly message: string;
}

interface Validator {
  Check(value: unknown): boolean;
  Errors(value: unknown): readonly Violation[];
  /** Says in words what `oneOf` or `not` at the top of the schema ask for. */
  readonly description: string | undefined;
}

const frames = new Map<string, Validator>(
  Object.entries(upSchemas).map(([type, schema]) => [type, validatorOf(schema)]),
);
const inputs = new Map<OperationName, Validator>();

/** Never throws. */
export function parseFrame(text: string): ParsedFrame {
  const json = parseJson(text);
  const id = () => numberTextAt(text, 'id');
  if (json.type !== 'ok') return { type: 'refused', refusal: json, ...(isObjectText(text) ? { id: id() } : {}) };
  const { value } = json;
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return { type: 'refused', refusal: refusal.invalid('a frame is a JSON object with a "type"') };
  const { type } = value as { readonly type?: unknown };
  const validator = typeof type === 'string' ? frames.get(type) : undefined;
  if (validator === undefined) {
    const shown = JSON.stringify(String(type).slice(0, 64));
    return { type: 'refused', refusal: refusal.invalid(`unknown frame type ${shown}`), id: id() };
  }
  if (!validator.Check(value))
    return { type: 'refused', refusal: firstError(validator, value, type as UpType), id: id() };
  return { type: 'ok', frame: value as Up };
}

/** Checks an input that came over HTTP or over the link. */
export function parseInput<N extends OperationName>(name: N, value: unknown): Result<Input<N>> {
  let validator = inputs.get(name);
  if (validator === undefined) {
    validator = validatorOf(operations[name].input);
    inputs.set(name, validator);
  }
  if (validator.Check(value)) return ok(value as Input<N>);
  return firstError(validator, value, 'input');
}

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

function validatorOf(schema: TSchema): Validator {
  const compiled = Compile(schema);
  const { description } = schema as { readonly description?: string };
  return {
    Check: (value) => compiled.Check(value),
    Errors: (value) => compiled.Errors(value),
    description,
  };
}

function firstError({ Errors, description }: Validator, value: unknown, where: string) {
  const [first] = Errors(value);
  if (first && description !== undefined && isOfRuleAtTop(first)) return refusal.invalid(`${where}: ${description}`);
  return refusal.invalid(`${where}${first?.instancePath ?? ''}: ${first?.message ?? 'is not valid'}`);
}

/** "must not be valid" helps no one: such rules are explained by the description of their schema. */
function isOfRuleAtTop({ keyword, schemaPath }: Violation): boolean {
  return schemaPath.startsWith('#/oneOf/') || (schemaPath === '#' && (keyword === 'oneOf' || keyword === 'not'));
}

const isObjectText = (text: string): boolean => /^\s*\{/.test(text) && text.length <= 65_536;

/** Receivers' JSON libraries stop at various depths. A frame adds two levels to its content. */
export const depthMax = 34;

/** Fewer brackets than levels cannot nest that deep. */
function mayBeDeep(text: string): boolean {
  let count = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if ((code === 0x7b || code === 0x5b) && ++count > depthMax) return true;
  }
  return false;
}

/** Breadth first, so that its own stack does not grow with the input. */
export function isShallow(value: unknown): boolean {
  let level: unknown[] = [value];
  for (let depth = 0; depth <= depthMax; depth++) {
    const next: unknown[] = [];
    for (const item of level) {
      if (typeof item !== 'object' || item === null) continue;
      for (const child of Object.values(item)) if (typeof child === 'object' && child !== null) next.push(child);
    }
    if (next.length === 0) return true;
    level = next;
  }
  return false;
}
