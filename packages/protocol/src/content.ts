// What a message carries.

import Type, { type Static } from 'typebox';

/** `text` is the one type the server interprets; any other object with a `type` passes through untouched. `hongyan.*` is reserved for the server. */
export const ContentSchema = Type.Object(
  { type: Type.String({ minLength: 1, maxLength: 64 }), text: Type.Optional(Type.String()) },
  {
    additionalProperties: true,
    description:
      'type "text" has text; any other type is passed through. Types that start with "hongyan." are reserved for the server.',
  },
);
export type Content = Static<typeof ContentSchema> & Record<string, unknown>;

/** Prefix of the content types that only the server creates, so that no client can forge "alice added bob". */
export const serverContentPrefix = 'hongyan.';
