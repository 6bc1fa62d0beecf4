// Webhooks for operators: the operations of an application's back end, below /admin. Used by hongyan webhook and the console.

import { ok } from '@hongyan/base/result';
import { systemUserId } from '@hongyan/protocol/ids';
import type { OperationSpec } from '@hongyan/protocol/operations/operation';
import { operations } from '@hongyan/protocol/operations/operations';
import { type WebhookOperation, webhookOperations } from '@hongyan/protocol/operations/webhooks';
import Type, { type TObject } from 'typebox';
import type { Caller, CoreOperations } from '../../ports/core/core.ts';
import type { OperatorRoute } from './route.ts';

type Core = Pick<CoreOperations, WebhookOperation>;

const operator: Caller = { userId: systemUserId, tokenId: 'operator', address: '' };

export const webhookRoutes = (core: Core): readonly OperatorRoute[] =>
  (Object.keys(webhookOperations) as WebhookOperation[]).map((name) => routeOf(name, core));

function routeOf(name: WebhookOperation, core: Core): OperatorRoute {
  const { http, input }: OperationSpec = operations[name];
  const { method = 'GET', path = '', isSlow = false } = http ?? {};
  const body = Type.Omit(input as TObject, ['endpoint_id']);
  const hasBody = (method === 'POST' || method === 'PATCH') && Object.keys(body.properties).length > 0;
  return {
    method,
    path: `/admin${path.replace('{endpoint_id}', ':endpoint_id')}`,
    isSlow,
    async handle(request) {
      const given = hasBody ? await request.body(body) : ok({});
      if (given.type !== 'ok') return given;
      // The body was checked against the operation's own schema, and what remains is in the path.
      return core[name](operator, { ...given.value, ...request.params } as never);
    },
  };
}
