// Every frame that a client sends, as one union: hello, ping, and one request frame per operation that is available over WebSocket.

import Type, { type Static } from 'typebox';
import { DeviceIdSchema } from './ids.ts';
import type { OperationSpec } from './operations/operation.ts';
import { type OperationName, type Operations, operations } from './operations/operations.ts';

const sessionSchemas = {
  hello: Type.Object({
    type: Type.Literal('hello'),
    token: Type.Optional(Type.String({ maxLength: 4096 })),
    device_id: DeviceIdSchema,
    client: Type.Optional(Type.String({ maxLength: 128, description: 'Name of the client' })),
    bundles: Type.Optional(
      Type.Boolean({
        description: 'The client accepts several frames in one WebSocket message: a JSON array of frames',
      }),
    ),
  }),
  ping: Type.Object({ type: Type.Literal('ping') }),
} as const;

/** Operations by the type of their request frame. */
type ByUp = {
  [N in OperationName as Operations[N] extends { readonly frame: { readonly up: infer U extends string } }
    ? U
    : never]: N;
};
type RequestFrame<U extends keyof ByUp> = Static<Operations[ByUp[U]]['input']> & {
  readonly type: U;
} & (Operations[ByUp[U]] extends { readonly frame: { readonly down: string } }
    ? { readonly id: number }
    : { readonly id?: number });

export type RequestType = keyof ByUp;
export type UpType = RequestType | keyof typeof sessionSchemas;
export type UpOf<T extends UpType> = T extends RequestType
  ? RequestFrame<T>
  : T extends keyof typeof sessionSchemas
    ? Static<(typeof sessionSchemas)[T]>
    : never;
export type Up = { [T in UpType]: UpOf<T> }[UpType];

const id = Type.Number({ description: 'Chosen by the client; the response repeats it' });

export const operationOfUp = Object.fromEntries(
  Object.entries(operations as Record<string, OperationSpec>).flatMap(([name, { frame }]) =>
    frame === undefined ? [] : [[frame.up, name]],
  ),
) as ByUp;

export const upSchemas = {
  ...sessionSchemas,
  ...(Object.fromEntries(
    Object.entries(operationOfUp).map(([type, name]) => [type, requestSchema(type, operations[name])]),
  ) as { readonly [U in RequestType]: Type.TSchema }),
};

function requestSchema(type: string, { input, frame }: OperationSpec): Type.TSchema {
  const { properties, ...rest } = input as Type.TObject;
  const { required: _required, type: _type, ...options } = rest as Record<string, unknown>;
  return Type.Object(
    { type: Type.Literal(type), id: frame?.down === undefined ? Type.Optional(id) : id, ...properties },
    options,
  );
}
