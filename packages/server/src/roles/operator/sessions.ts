// The console's way in: a page posts the operator token once and gets a cookie, which its later requests carry by themselves.

import type { Clock } from '@hongyan/base/clock';
import { refusal } from '@hongyan/protocol/refusals';
import Type from 'typebox';
import type { OperatorAccess } from './access.ts';
import type { OperatorRoute } from './route.ts';

const OpenSchema = Type.Object({ token: Type.String({ maxLength: 256 }) });

export function sessionRoutes(access: OperatorAccess, clock: Clock): readonly OperatorRoute[] {
  return [
    {
      method: 'POST',
      path: '/admin/v1/session',
      isOpen: true,
      async handle(request) {
        const input = await request.body(OpenSchema);
        if (input.type !== 'ok') return input;
        if (!access.isToken(input.value.token)) return refusal.badOperatorToken();
        return withCookie(access.openSession(clock.nowMs(), request.headers.get('x-forwarded-proto') === 'https'));
      },
    },
    // Open, so that a page whose session has expired can leave too.
    { method: 'DELETE', path: '/admin/v1/session', isOpen: true, handle: () => withCookie(access.closeSession()) },
  ];
}

const withCookie = (cookie: string): Response =>
  new Response(null, { status: 204, headers: { 'set-cookie': cookie, 'cache-control': 'no-store' } });
