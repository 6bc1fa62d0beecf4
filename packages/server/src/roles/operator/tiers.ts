// [L3] The tiers for operators: what there are, and which a user has.

import { ok } from '@hongyan/base/result';
import { type UserId, userIdPattern } from '@hongyan/protocol/ids';
import { type Result, refusal } from '@hongyan/protocol/refusals';
import Type from 'typebox';
import type { OperatorRequest, OperatorRoute } from './route.ts';

export interface TierAdministration {
  /** The names, and what each allows; one without limits is null. */
  list(): Readonly<Record<string, object | null>>;
  /** null: the back end set none. */
  get(userId: UserId): Promise<Result<string | null>>;
  /** null takes it away. */
  set(userId: UserId, tier: string | null): Promise<Result<undefined>>;
}

const BodySchema = Type.Object({ tier: Type.Union([Type.String({ maxLength: 32 }), Type.Null()]) });
const userIds = new RegExp(userIdPattern);

export function tierRoutes(tiers: TierAdministration): readonly OperatorRoute[] {
  const path = '/admin/v1/users/:user_id/tier';
  return [
    { method: 'GET', path: '/admin/v1/tiers', handle: () => ok({ tiers: tiers.list() }) },
    {
      method: 'GET',
      path,
      async handle(request) {
        const user = userOf(request);
        const tier = user.type === 'ok' ? await tiers.get(user.value) : user;
        return tier.type === 'ok' ? ok({ tier: tier.value }) : tier;
      },
    },
    {
      method: 'PUT',
      path,
      async handle(request) {
        const user = userOf(request);
        const body = user.type === 'ok' ? await request.body(BodySchema) : user;
        if (user.type !== 'ok' || body.type !== 'ok') return body;
        return tiers.set(user.value, body.value.tier);
      },
    },
  ];
}

function userOf({ params }: OperatorRequest): Result<UserId> {
  const userId = params.user_id ?? '';
  return userIds.test(userId) ? ok(userId as UserId) : refusal.noSuch(`user ${userId.slice(0, 64)}`);
}
