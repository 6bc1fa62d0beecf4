// What an operator says to everyone who is connected: a maintenance at eight, a trouble that is known.

import Type, { type Static } from 'typebox';

export const noticeTextMax = 1_000;
export const NoticeSeveritySchema = Type.Union([
  Type.Literal('info'),
  Type.Literal('warning'),
  Type.Literal('critical'),
]);
export type NoticeSeverity = Static<typeof NoticeSeveritySchema>;
export const noticeSeverities: readonly NoticeSeverity[] = ['info', 'warning', 'critical'];

export const NoticeSchema = Type.Object({
  notice_id: Type.String({
    minLength: 1,
    maxLength: 64,
    description: 'The same notice may arrive again: it is shown once',
  }),
  text: Type.String({ minLength: 1, maxLength: noticeTextMax }),
  severity: NoticeSeveritySchema,
  until: Type.Integer({ description: 'Unix milliseconds: then it is over. In the past: it was withdrawn' }),
});
export type Notice = Static<typeof NoticeSchema>;
