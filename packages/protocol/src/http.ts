// The bodies of the HTTP surface. The routes that carry them are in the gateway; openapi.json is generated from both.

import Type, { type Static } from 'typebox';
import {
  ContentSchema,
  ConversationSchema,
  EntrySchema,
  MemberReceiptSchema,
  MemberRoleSchema,
  UserSchema,
} from './entry.ts';
import { ClientMsgIdSchema, ConversationIdSchema, SeqSchema, UserIdSchema } from './ids.ts';

const title = Type.String({ minLength: 1, maxLength: 128 });

export const SignupBody = Type.Object({
  user_id: UserIdSchema,
  password: Type.String({ minLength: 8, maxLength: 256 }),
  display_name: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
});
export const LoginBody = Type.Object({
  user_id: UserIdSchema,
  password: Type.String({ minLength: 1, maxLength: 256 }),
});
export const AuthResult = Type.Object({
  access_token: Type.String(),
  token_type: Type.Literal('Bearer'),
  expires_in: Type.Integer({ description: 'seconds' }),
  user: UserSchema,
});
export const CreateConversationBody = Type.Union([
  Type.Object({ kind: Type.Literal('direct'), with: UserIdSchema }),
  Type.Object({
    kind: Type.Union([Type.Literal('group'), Type.Literal('broadcast')]),
    title,
    members: Type.Array(UserIdSchema, { maxItems: 1000, description: 'user ids; the creator is added as owner' }),
  }),
]);
export const PatchConversationBody = Type.Object({ title });
export const SendBody = Type.Object({
  to: Type.Optional(UserIdSchema),
  conversation_id: Type.Optional(ConversationIdSchema),
  client_msg_id: ClientMsgIdSchema,
  content: ContentSchema,
});
export const UserList = Type.Object({ users: Type.Array(UserSchema) });
export const ConversationList = Type.Object({
  conversations: Type.Array(ConversationSchema),
  cursor: Type.String(),
  has_more: Type.Boolean(),
});
export const MemberList = Type.Object({
  members: Type.Array(
    Type.Object({
      user_id: UserIdSchema,
      display_name: Type.String(),
      role: MemberRoleSchema,
      delivered_seq: SeqSchema,
      read_seq: SeqSchema,
    }),
  ),
  next: Type.Optional(Type.String({ description: 'pass as ?after= for the next page' })),
});
export const MessagePage = Type.Object({
  conversation_id: ConversationIdSchema,
  entries: Type.Array(EntrySchema),
  first_seq: SeqSchema,
  last_seq: SeqSchema,
  has_more: Type.Boolean(),
});
/** D6, M16: the message and, for each member and device, where it is. `members` is cut at limits.receipts_push_max; the counts are whole. */
export const MessageWhere = Type.Object({
  message: EntrySchema,
  status: Type.String(),
  delivered_count: Type.Integer(),
  read_count: Type.Integer(),
  member_count: Type.Integer(),
  members: Type.Array(MemberReceiptSchema),
});
export const RouteResult = Type.Object({
  addresses: Type.Array(Type.Object({ url: Type.String(), region: Type.Optional(Type.String()) })),
});
/** RFC 9457 problem details with our `code`. */
export const Problem = Type.Object({
  type: Type.String(),
  title: Type.String(),
  status: Type.Integer(),
  detail: Type.String(),
  code: Type.String(),
});

export type AuthResult = Static<typeof AuthResult>;
export type SignupBody = Static<typeof SignupBody>;
export type LoginBody = Static<typeof LoginBody>;
export type CreateConversationBody = Static<typeof CreateConversationBody>;
export type MessageWhere = Static<typeof MessageWhere>;
export type MemberList = Static<typeof MemberList>;
export type MessagePage = Static<typeof MessagePage>;
export type Problem = Static<typeof Problem>;
