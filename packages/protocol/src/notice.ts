// A message of the operator to all connected clients, such as a planned maintenance or a known problem.

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
    description: 'Clients show a notice once: it may be delivered again',
  }),
  text: Type.String({ minLength: 1, maxLength: noticeTextMax }),
  severity: NoticeSeveritySchema,
  until: Type.Integer({ description: 'Unix milliseconds: when the notice expires. A time in the past withdraws it' }),
});
export type Notice = Static<typeof NoticeSchema>;
