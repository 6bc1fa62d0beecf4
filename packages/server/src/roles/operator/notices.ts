// [B1] Notices to everyone, for operators: publish, list, withdraw.

import { ok } from '@hongyan/base/result';
import { type Notice, type NoticeSeverity, NoticeSeveritySchema, noticeTextMax } from '@hongyan/protocol/notice';
import type { Result } from '@hongyan/protocol/refusals';
import Type from 'typebox';
import type { OperatorRoute } from './route.ts';

export interface NoticeAdministration {
  inForce(): readonly Notice[];
  publish(notice: {
    readonly id?: string | undefined;
    readonly text: string;
    readonly severity: NoticeSeverity;
    readonly forS: number;
  }): Promise<Result<Notice>>;
  withdraw(id: string): Promise<Result<undefined>>;
}

const forSDefault = 3_600;
const BodySchema = Type.Object({
  notice_id: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
  text: Type.String({ minLength: 1, maxLength: noticeTextMax }),
  severity: Type.Optional(NoticeSeveritySchema),
  for_s: Type.Optional(Type.Integer({ minimum: 1, maximum: 31_536_000 })),
});

export function noticeRoutes(notices: NoticeAdministration): readonly OperatorRoute[] {
  const path = '/admin/v1/notices';
  return [
    { method: 'GET', path, handle: () => ok({ notices: notices.inForce() }) },
    {
      method: 'POST',
      path,
      async handle(request) {
        const body = await request.body(BodySchema);
        if (body.type !== 'ok') return body;
        const { notice_id: id, text, severity = 'info', for_s = forSDefault } = body.value;
        return notices.publish({ id, text, severity, forS: for_s });
      },
    },
    { method: 'DELETE', path: `${path}/:id`, handle: ({ params }) => notices.withdraw(params.id ?? '') },
  ];
}
