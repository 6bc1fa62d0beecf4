// Errors over HTTP: RFC 9457 problem details that carry the error code.

import Type, { type Static } from 'typebox';

export const ProblemSchema = Type.Object({
  type: Type.String(),
  title: Type.String(),
  status: Type.Integer(),
  detail: Type.String({ description: 'What is wrong and what to do' }),
  code: Type.String(),
  retry_after_ms: Type.Optional(Type.Integer({ minimum: 0, description: 'Retry-After, in milliseconds' })),
});
export type ProblemDetails = Static<typeof ProblemSchema>;
