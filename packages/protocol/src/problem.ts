// Errors over HTTP: RFC 9457 problem details that carry the error code.

import Type, { type Static } from 'typebox';

export const ProblemSchema = Type.Object({
  type: Type.String(),
  title: Type.String(),
  status: Type.Integer(),
  detail: Type.String({ description: 'What is wrong and what to do' }),
  code: Type.String(),
});
export type ProblemDetails = Static<typeof ProblemSchema>;
