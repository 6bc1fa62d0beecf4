// The HTTP surface of /v1: every route, in the order of docs/protocol.md.

import { downSchemas } from '@hongyan/protocol/down';
import { ConversationSchema, UserSchema } from '@hongyan/protocol/entry';
import {
  AuthResult,
  ConversationList,
  CreateConversationBody,
  LoginBody,
  MemberList,
  MessagePage,
  MessageWhere,
  PatchConversationBody,
  RouteResult,
  SendBody,
  SignupBody,
  UserList,
} from '@hongyan/protocol/http';
import {
  ClientMsgIdSchema,
  ConversationIdSchema,
  type DeviceId,
  MsgIdSchema,
  SeqSchema,
  UserIdSchema,
} from '@hongyan/protocol/ids';
import { contentDepthMax, isShallow } from '@hongyan/protocol/parse';
import Type from 'typebox';
import type { Outcome } from '../../../ports/core/core.ts';
import type { GatewayDeps } from '../deps.ts';
import { type Route, route } from './route.ts';

const limit = Type.Optional(Type.Integer({ minimum: 1, maximum: 500 }));
const ofUser = Type.Object({ user_id: UserIdSchema });
const ofConversation = Type.Object({ conversation_id: ConversationIdSchema });
const ofMember = Type.Object({ conversation_id: ConversationIdSchema, user_id: UserIdSchema });

export function createRoutes(deps: GatewayDeps): readonly Route[] {
  return [...accountRoutes(deps), ...conversationRoutes(deps), ...messageRoutes(deps)];
}

function accountRoutes({ core, tokens, tokenTtlS, isSignupEnabled, publicUrl }: GatewayDeps): Route[] {
  type Account = Awaited<ReturnType<typeof core.login>>;
  const granted = async (account: Account): Promise<Outcome<AuthResult>> => {
    if (account.type === 'refused') return account;
    const { userId, displayName } = account.value;
    const access_token = await tokens.sign(userId);
    return ok({
      access_token,
      token_type: 'Bearer',
      expires_in: tokenTtlS,
      user: { user_id: userId, display_name: displayName },
    });
  };
  const tag = 'accounts';
  return [
    route({
      method: 'POST',
      path: '/v1/auth/signup',
      tag,
      summary: 'Create an account and log in',
      needsToken: false,
      body: SignupBody,
      status: 201,
      result: AuthResult,
      handle: async ({ body }) => {
        if (!isSignupEnabled)
          return { type: 'refused', code: 'forbidden', message: 'sign-up is switched off on this server' };
        const { user_id, password, display_name } = body;
        return granted(
          await core.signup({
            userId: user_id,
            password,
            ...(display_name === undefined ? {} : { displayName: display_name }),
          }),
        );
      },
    }),
    route({
      method: 'POST',
      path: '/v1/auth/login',
      tag,
      summary: 'Log in',
      needsToken: false,
      body: LoginBody,
      status: 200,
      result: AuthResult,
      handle: async ({ body }) => granted(await core.login({ userId: body.user_id, password: body.password })),
    }),
    route({
      method: 'GET',
      path: '/v1/me',
      tag,
      summary: 'Who the token belongs to',
      needsToken: true,
      status: 200,
      result: UserSchema,
      handle: async ({ userId }) => toUser(await core.getUser(userId)),
    }),
    route({
      method: 'GET',
      path: '/v1/users/{user_id}',
      tag,
      summary: 'One user',
      needsToken: true,
      params: ofUser,
      status: 200,
      result: UserSchema,
      handle: async ({ params }) => toUser(await core.getUser(params.user_id)),
    }),
    route({
      method: 'GET',
      path: '/v1/users',
      tag,
      summary: 'Users whose id or name starts with the query',
      needsToken: true,
      query: Type.Object({ query: Type.String({ minLength: 1, maxLength: 64 }), limit }),
      status: 200,
      result: UserList,
      handle: async ({ query }) => {
        const users = await core.searchUsers({ query: query.query, limit: query.limit ?? 20 });
        return ok({ users: users.map(({ userId, displayName }) => ({ user_id: userId, display_name: displayName })) });
      },
    }),
    route({
      method: 'GET',
      path: '/v1/route',
      tag,
      summary: 'Addresses a client may connect to, nearest first',
      needsToken: false,
      status: 200,
      result: RouteResult,
      handle: async () => ok({ addresses: [{ url: publicUrl }] }),
    }),
  ];
}

function conversationRoutes({ core }: GatewayDeps): Route[] {
  const tag = 'conversations';
  return [
    route({
      method: 'POST',
      path: '/v1/conversations',
      tag,
      summary: 'Create a conversation; a direct one that exists is returned as it is',
      needsToken: true,
      body: CreateConversationBody,
      status: 201,
      result: ConversationSchema,
      handle: ({ body, userId }) =>
        core.createConversation(
          body.kind === 'direct'
            ? { kind: 'direct', creator: userId, with: body.with }
            : { kind: body.kind, creator: userId, title: body.title, members: body.members },
        ),
    }),
    route({
      method: 'GET',
      path: '/v1/conversations',
      tag,
      summary: 'All conversations of the user, newest activity first',
      needsToken: true,
      query: Type.Object({ cursor: Type.Optional(Type.String({ maxLength: 256 })), limit }),
      status: 200,
      result: ConversationList,
      handle: async ({ query, userId }) => {
        const page = await core.sync({ actor: { userId, deviceId: 'http' as DeviceId }, full: true, ...query });
        if (page.type === 'refused') return page;
        return ok({ conversations: page.value.conversations, cursor: page.value.cursor, has_more: page.value.hasMore });
      },
    }),
    route({
      method: 'GET',
      path: '/v1/conversations/{conversation_id}',
      tag,
      summary: 'One conversation',
      needsToken: true,
      params: ofConversation,
      status: 200,
      result: ConversationSchema,
      handle: ({ params, userId }) => core.getConversation(userId, params.conversation_id),
    }),
    route({
      method: 'PATCH',
      path: '/v1/conversations/{conversation_id}',
      tag,
      summary: 'Change the title',
      needsToken: true,
      params: ofConversation,
      body: PatchConversationBody,
      status: 200,
      result: ConversationSchema,
      handle: ({ params, body, userId }) =>
        core.setTitle(userId, { conversationId: params.conversation_id, title: body.title }),
    }),
    route({
      method: 'PUT',
      path: '/v1/conversations/{conversation_id}/members/{user_id}',
      tag,
      summary: 'Add a member',
      needsToken: true,
      params: ofMember,
      status: 204,
      handle: ({ params, userId }) =>
        core.addMember(userId, { conversationId: params.conversation_id, userId: params.user_id }),
    }),
    route({
      method: 'DELETE',
      path: '/v1/conversations/{conversation_id}/members/{user_id}',
      tag,
      summary: 'Remove a member, or leave',
      needsToken: true,
      params: ofMember,
      status: 204,
      handle: ({ params, userId }) =>
        core.removeMember(userId, { conversationId: params.conversation_id, userId: params.user_id }),
    }),
    route({
      method: 'GET',
      path: '/v1/conversations/{conversation_id}/members',
      tag,
      summary: 'Members by user id, with their positions',
      needsToken: true,
      params: ofConversation,
      query: Type.Object({ after: Type.Optional(UserIdSchema), limit }),
      status: 200,
      result: MemberList,
      handle: ({ params, query, userId }) => core.members(userId, { conversationId: params.conversation_id, ...query }),
    }),
  ];
}

function messageRoutes({ core }: GatewayDeps): Route[] {
  const tag = 'messages';
  return [
    route({
      method: 'POST',
      path: '/v1/messages',
      tag,
      summary: 'Send a message: the same pipeline as the socket',
      needsToken: true,
      body: SendBody,
      status: 201,
      result: Type.Omit(downSchemas.ack, ['type', 'id']),
      handle: async ({ body, userId }) => {
        const { to, conversation_id, client_msg_id, content } = body;
        if (!isShallow(content))
          return { type: 'refused', code: 'bad_request', message: `content is nested deeper than ${contentDepthMax}` };
        const sent = await core.send({
          from: userId,
          ...(to === undefined ? {} : { to }),
          ...(conversation_id === undefined ? {} : { conversationId: conversation_id }),
          clientMsgId: client_msg_id,
          content,
        });
        if (sent.type === 'refused') return sent;
        const { msgId, conversationId, seq, timestampMs, isDuplicate } = sent.value;
        return ok({
          client_msg_id,
          msg_id: msgId,
          conversation_id: conversationId,
          seq,
          timestamp: timestampMs,
          status: 'ack',
          ...(isDuplicate ? { duplicate: true } : {}),
        });
      },
    }),
    route({
      method: 'GET',
      path: '/v1/conversations/{conversation_id}/messages',
      tag,
      summary: 'A page of history, ascending; without bounds the newest',
      needsToken: true,
      params: ofConversation,
      query: Type.Object({ after_seq: Type.Optional(SeqSchema), before_seq: Type.Optional(SeqSchema), limit }),
      status: 200,
      result: MessagePage,
      handle: ({ params, query, userId }) =>
        core.history({
          userId,
          conversationId: params.conversation_id,
          afterSeq: query.after_seq,
          beforeSeq: query.before_seq,
          limit: query.limit,
        }),
    }),
    route({
      method: 'GET',
      path: '/v1/messages/{msg_id}',
      tag,
      summary: 'Where a message is, for each member and device',
      needsToken: true,
      params: Type.Object({ msg_id: MsgIdSchema }),
      status: 200,
      result: MessageWhere,
      handle: ({ params, userId }) => core.whereIs(userId, { msgId: params.msg_id }),
    }),
    route({
      method: 'GET',
      path: '/v1/messages/by-client-id/{client_msg_id}',
      tag,
      summary: 'The outcome of a send that timed out',
      needsToken: true,
      params: Type.Object({ client_msg_id: ClientMsgIdSchema }),
      status: 200,
      result: MessageWhere,
      handle: ({ params, userId }) => core.whereIs(userId, { clientMsgId: params.client_msg_id }),
    }),
  ];
}

function toUser(found: Awaited<ReturnType<GatewayDeps['core']['getUser']>>) {
  return found.type === 'refused' ? found : ok({ user_id: found.value.userId, display_name: found.value.displayName });
}

const ok = <T>(value: T): Outcome<T> => ({ type: 'ok', value });
