// A user as other users see them.

import Type, { type Static } from 'typebox';
import { UserIdSchema } from './ids.ts';

export const UserSchema = Type.Object({ user_id: UserIdSchema, display_name: Type.String() });
export type User = Static<typeof UserSchema>;

export const PresenceSchema = Type.Object({
  user_id: UserIdSchema,
  online: Type.Boolean(),
  last_seen: Type.Optional(Type.Integer({ description: 'Unix milliseconds; absent while online and when never seen' })),
});
