// Operations for back ends only, with an API key: users and their tokens.

import Type from 'typebox';
import { UserIdSchema } from '../ids.ts';
import { AuthResultSchema } from './accounts.ts';
import { operation } from './operation.ts';

const tag = 'back end';
const displayNameSchema = Type.String({ maxLength: 1024 });

export const backEndOperations = {
  mintToken: operation({
    summary: 'An access token for a user of the application, without a password',
    input: Type.Object({
      user_id: UserIdSchema,
      create: Type.Optional(Type.Boolean({ description: 'Create the user if it does not exist' })),
      display_name: Type.Optional(displayNameSchema),
      tier: Type.Optional(
        Type.String({
          pattern: '^[A-Za-z0-9_-]{1,32}$',
          description: 'Rate limits of the bearer; see docs/limits.md',
        }),
      ),
      ttl_s: Type.Optional(
        Type.Integer({ minimum: 1, description: 'At most the server option token-ttl-s, which is the default' }),
      ),
    }),
    output: AuthResultSchema,
    refusals: ['not_found', 'forbidden'],
    needs: 'key',
    scope: 'tokens:mint',
    changes: true,
    http: { method: 'POST', path: '/v1/tokens', tag, status: 201 },
  }),
  putUser: operation({
    summary: 'Create a user or change the given fields; a disabled user is logged out everywhere and cannot log in',
    input: Type.Object({
      user_id: UserIdSchema,
      display_name: Type.Optional(displayNameSchema),
      disabled: Type.Optional(Type.Boolean()),
      tier: Type.Optional(
        Type.Union([Type.String({ pattern: '^[A-Za-z0-9_-]{1,32}$' }), Type.Null()], {
          description: 'Rate limits of the user, overriding those of the token; null: as in the token',
        }),
      ),
    }),
    output: Type.Object({
      user_id: UserIdSchema,
      display_name: Type.String(),
      disabled: Type.Boolean(),
      created: Type.Boolean({ description: 'The user did not exist before' }),
    }),
    refusals: ['not_found', 'forbidden'],
    needs: 'key',
    scope: 'users:manage',
    changes: true,
    http: { method: 'PUT', path: '/v1/users/{user_id}', tag, status: 200 },
  }),
} as const;
