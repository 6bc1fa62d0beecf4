// Operations on accounts: sign-up, login and profiles.

import Type, { type Static } from 'typebox';
import { UserIdSchema } from '../ids.ts';
import { UserSchema } from '../user.ts';
import { limitSchema } from './limit.ts';
import { operation } from './operation.ts';

/** Limits of the transport. The domain checks passwords and names, in graphemes. */
const passwordSchema = Type.String({ minLength: 1, maxLength: 1024 });
const inputBytesMax = 8192;

export const AuthResultSchema = Type.Object({
  access_token: Type.String(),
  token_type: Type.Literal('Bearer'),
  expires_in: Type.Integer({ description: 'seconds' }),
  user: UserSchema,
});
export type AuthResult = Static<typeof AuthResultSchema>;

export const accountOperations = {
  signup: operation({
    summary: 'Create an account and log in',
    input: Type.Object({
      user_id: UserIdSchema,
      password: passwordSchema,
      display_name: Type.Optional(Type.String({ maxLength: 1024 })),
    }),
    output: AuthResultSchema,
    refusals: ['conflict', 'forbidden'],
    needs: 'nothing',
    changes: true,
    http: { method: 'POST', path: '/v1/auth/signup', tag: 'accounts', status: 201 },
    inputBytesMax,
  }),
  login: operation({
    summary: 'Log in',
    input: Type.Object({ user_id: UserIdSchema, password: passwordSchema }),
    output: AuthResultSchema,
    refusals: ['unauthorized'],
    needs: 'nothing',
    changes: false,
    http: { method: 'POST', path: '/v1/auth/login', tag: 'accounts', status: 200 },
    inputBytesMax,
  }),
  getMe: operation({
    summary: 'The user of the token',
    input: Type.Object({}),
    output: UserSchema,
    refusals: ['not_found'],
    needs: 'token',
    changes: false,
    http: { method: 'GET', path: '/v1/me', tag: 'accounts', status: 200 },
  }),
  getUser: operation({
    summary: 'One user',
    input: Type.Object({ user_id: UserIdSchema }),
    output: UserSchema,
    refusals: ['not_found'],
    needs: 'token',
    scope: 'users:manage',
    changes: false,
    http: { method: 'GET', path: '/v1/users/{user_id}', tag: 'accounts', status: 200 },
  }),
  searchUsers: operation({
    summary: 'Users whose id, or any word of whose name, starts with the query',
    input: Type.Object({ query: Type.String({ minLength: 1, maxLength: 256 }), limit: limitSchema }),
    output: Type.Object({ users: Type.Array(UserSchema) }),
    refusals: [],
    needs: 'token',
    scope: 'users:manage',
    changes: false,
    http: { method: 'GET', path: '/v1/users', tag: 'accounts', status: 200 },
  }),
} as const;
