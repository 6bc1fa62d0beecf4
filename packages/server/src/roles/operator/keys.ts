// [A20, A21] API keys for operators: what there are, a new one, and revoking one.

import type { Clock } from '@hongyan/base/clock';
import { done, ok } from '@hongyan/base/result';
import { apiKeyScopes } from '@hongyan/protocol/api-key';
import { refusal } from '@hongyan/protocol/refusals';
import Type from 'typebox';
import { type ApiKeyRecord, type ApiKeys, apiKeyNameCharsMax, apiKeysMax } from '../../ports/access/api-keys.ts';
import { createApiKey } from '../../ports/access/new-key.ts';
import type { OperatorRoute } from './route.ts';

const NewKeySchema = Type.Object({
  name: Type.String({ minLength: 1, maxLength: apiKeyNameCharsMax }),
  scopes: Type.Array(Type.Union(apiKeyScopes.map((scope) => Type.Literal(scope))), { minItems: 1 }),
});

export function keyRoutes(keys: ApiKeys, clock: Pick<Clock, 'nowMs'>): readonly OperatorRoute[] {
  return [
    {
      method: 'GET',
      path: '/admin/v1/keys',
      handle: async () => ok({ keys: (await keys.listKeys()).map(jsonOf), scopes: apiKeyScopes }),
    },
    {
      method: 'POST',
      path: '/admin/v1/keys',
      async handle(request) {
        const body = await request.body(NewKeySchema);
        if (body.type !== 'ok') return body;
        const made = await createApiKey(keys, { ...body.value, nowMs: clock.nowMs() });
        if (made.type === 'created') return ok({ ...jsonOf(made.record), key: made.key });
        return made.type === 'full' ? refusal.tooMany('API keys', apiKeysMax) : refusal.taken(`the id ${made.keyId}`);
      },
    },
    {
      method: 'DELETE',
      path: '/admin/v1/keys/:key_id',
      async handle({ params }) {
        const keyId = params.key_id ?? '';
        return (await keys.revokeKey(keyId)) ? done : refusal.noSuch(`key ${keyId.slice(0, 64)}`);
      },
    },
  ];
}

const jsonOf = ({ keyId, name, scopes, createdAtMs, lastUsedAtMs }: ApiKeyRecord) => ({
  key_id: keyId,
  name,
  scopes,
  created_at: createdAtMs,
  ...(lastUsedAtMs === undefined ? {} : { last_used_at: lastUsedAtMs }),
});
