// The edge: from bytes of a text frame to an `Up`, or to the error the client is told. Nothing behind it checks shapes again.

import { Compile } from 'typebox/compile';
import type { ErrorCode } from './codes.ts';
import { type Up, type UpType, upSchemas } from './up.ts';

export type ParsedUp =
  | { readonly type: 'ok'; readonly frame: Up }
  | { readonly type: 'error'; readonly code: ErrorCode; readonly message: string; readonly id?: number };

const compiled = Object.fromEntries(
  Object.entries(upSchemas).map(([type, schema]) => [type, Compile(schema)]),
) as unknown as {
  [T in UpType]: {
    Check(value: unknown): boolean;
    Errors(value: unknown): readonly { instancePath: string; message: string }[];
  };
};

/** Never throws. Deeply nested JSON is refused by the depth check before a recursive validator or encoder meets it. */
export function parseUp(text: string): ParsedUp {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // JSON.parse throws SyntaxError for bad text and RangeError for nesting it cannot hold: both are the sender's fault.
    return { type: 'error', code: 'bad_request', message: 'the frame is not valid JSON' };
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { type: 'error', code: 'bad_request', message: 'a frame is a JSON object with a "type"' };
  }
  const { type, id } = value as { type?: unknown; id?: unknown };
  const answerTo = typeof id === 'number' ? { id } : {};
  if (typeof type !== 'string' || !Object.hasOwn(compiled, type)) {
    return {
      type: 'error',
      code: 'bad_request',
      message: `unknown frame type ${JSON.stringify(String(type).slice(0, 64))}`,
      ...answerTo,
    };
  }
  const validator = compiled[type as UpType];
  if (!validator.Check(value)) {
    const first = validator.Errors(value)[0];
    return {
      type: 'error',
      code: 'bad_request',
      message: `${type}${first?.instancePath ?? ''}: ${first?.message ?? 'is not valid'}`,
      ...answerTo,
    };
  }
  if (type === 'send' && !isShallow((value as { content: unknown }).content)) {
    return {
      type: 'error',
      code: 'bad_request',
      message: `content is nested deeper than ${contentDepthMax}`,
      ...answerTo,
    };
  }
  return { type: 'ok', frame: value as Up };
}

/** Deeper content is refused: receivers' JSON libraries stop at various depths. */
export const contentDepthMax = 32;

/** Breadth-first, so that its own stack does not grow with the input. */
export function isShallow(value: unknown): boolean {
  let level: unknown[] = [value];
  for (let depth = 0; depth <= contentDepthMax; depth++) {
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
