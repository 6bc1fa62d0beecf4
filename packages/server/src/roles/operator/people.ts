// [O30] Users and conversations for operators: who they are, where they stand, and never what they write.

import { ok } from '@hongyan/base/result';
import type { ConversationId, UserId } from '@hongyan/protocol/ids';
import { type Result, refusal } from '@hongyan/protocol/refusals';
import type { DeviceReader } from '../../ports/devices/devices.ts';
import type { Membership } from '../../ports/directory/conversations.ts';
import type { Directory } from '../../ports/directory/directory.ts';
import type { UserRecord } from '../../ports/directory/users.ts';
import type { SessionRegistry } from '../../ports/session-registry/session-registry.ts';
import type { Head, TimelineReads } from '../../ports/timeline/timeline.ts';
import { memberFacts } from './facts.ts';
import { nextOf, pageIn } from './page.ts';
import type { OperatorRequest, OperatorRoute } from './route.ts';

export interface People {
  readonly directory: Pick<
    Directory,
    | 'countMemberships'
    | 'getConversations'
    | 'getTier'
    | 'getUsers'
    | 'listUsers'
    | 'members'
    | 'memberships'
    | 'searchUsers'
  >;
  readonly devices: Pick<DeviceReader, 'lastSeen' | 'ofUsers'>;
  readonly timeline: Pick<TimelineReads, 'heads' | 'segments'>;
  readonly registry: Pick<SessionRegistry, 'online'>;
}

export function peopleRoutes(people: People): readonly OperatorRoute[] {
  const user = '/admin/v1/users/:user_id';
  const conversation = '/admin/v1/conversations/:conversation_id';
  return [
    { method: 'GET', path: '/admin/v1/users', handle: (request) => users(people, request) },
    { method: 'GET', path: user, handle: ({ params }) => oneUser(people, params.user_id as UserId) },
    { method: 'GET', path: `${user}/conversations`, handle: (request) => conversationsOf(people, request) },
    {
      method: 'GET',
      path: conversation,
      handle: ({ params }) => oneConversation(people, params.conversation_id as ConversationId),
    },
    { method: 'GET', path: `${conversation}/members`, handle: (request) => members(people, request) },
  ];
}

async function users({ directory, devices, registry }: People, { query }: OperatorRequest): Promise<Result<unknown>> {
  const page = pageIn(query);
  if (page.type !== 'ok') return page;
  const { limit, after } = page.value;
  const wanted = (query.get('query') ?? '').trim();
  const found =
    wanted === ''
      ? await directory.listUsers({ limit, ...(after === undefined ? {} : { after: after as UserId }) })
      : await directory.searchUsers({ query: wanted, limit });
  const ids = found.map(({ userId }) => userId);
  const [online, seen] = await Promise.all([registry.online(ids), devices.lastSeen(ids)]);
  return ok({
    users: found.map((record) => ({
      ...userView(record),
      online: online.has(record.userId),
      last_seen: seen.get(record.userId) ?? null,
    })),
    // A search gives its best matches alone.
    ...(wanted === '' ? nextOf(found, limit, ({ userId }) => userId) : {}),
  });
}

async function oneUser({ directory, devices, registry }: People, userId: UserId): Promise<Result<unknown>> {
  const record = (await directory.getUsers([userId])).get(userId);
  if (record === undefined) return noUser(userId);
  const [tier, known, online, conversations] = await Promise.all([
    directory.getTier(userId),
    devices.ofUsers([userId]),
    registry.online([userId]),
    directory.countMemberships(userId),
  ]);
  const isOnline = new Set(online.get(userId));
  return ok({
    ...userView(record),
    tier: tier ?? null,
    conversations,
    devices: (known.get(userId) ?? []).map(({ deviceId, name, lastSeenMs }) => ({
      device_id: deviceId,
      name,
      last_seen: lastSeenMs,
      online: isOnline.has(deviceId),
    })),
  });
}

async function conversationsOf({ directory, timeline }: People, request: OperatorRequest): Promise<Result<unknown>> {
  const page = pageIn(request.query);
  if (page.type !== 'ok') return page;
  const { limit, after } = page.value;
  const userId = request.params.user_id as UserId;
  if (!(await directory.getUsers([userId])).has(userId)) return noUser(userId);
  const found = await directory.memberships({
    userId,
    limit,
    ...(after === undefined ? {} : { after: after as ConversationId }),
  });
  const heads = await timeline.heads(found.map(({ conversation }) => conversation.conversationId));
  return ok({
    conversations: found.map((membership, at) => membershipView(membership, heads[at])),
    ...nextOf(found, limit, ({ conversation }) => conversation.conversationId),
  });
}

async function oneConversation(
  { directory, timeline }: People,
  conversationId: ConversationId,
): Promise<Result<unknown>> {
  const record = (await directory.getConversations([conversationId])).get(conversationId);
  if (record === undefined) return noConversation(conversationId);
  const [[head], segments] = await Promise.all([timeline.heads([conversationId]), timeline.segments(conversationId)]);
  return ok({
    conversation_id: record.conversationId,
    kind: record.kind,
    title: record.title,
    created_at: record.createdAtMs,
    member_count: record.memberCount,
    first_seq: head?.firstSeq ?? 1,
    last_seq: head?.lastSeq ?? 0,
    messages: head?.lastCount ?? 0,
    last_message_at: head === undefined || head.lastCountedMs === 0 ? null : head.lastCountedMs,
    segments: segments.map(({ name, firstSeq, lastSeq }) => ({ name, first_seq: firstSeq, last_seq: lastSeq })),
  });
}

async function members({ directory }: People, request: OperatorRequest): Promise<Result<unknown>> {
  const page = pageIn(request.query);
  if (page.type !== 'ok') return page;
  const { limit, after } = page.value;
  const conversationId = request.params.conversation_id as ConversationId;
  if (!(await directory.getConversations([conversationId])).has(conversationId)) return noConversation(conversationId);
  const found = await directory.members({
    conversationId,
    limit,
    ...(after === undefined ? {} : { after: after as UserId }),
  });
  return ok({ members: found.map(memberFacts), ...nextOf(found, limit, ({ userId }) => userId) });
}

const userView = ({ userId, displayName, createdAtMs }: UserRecord) => ({
  user_id: userId,
  display_name: displayName,
  created_at: createdAtMs,
});

const membershipView = ({ member, conversation }: Membership, head: Head | undefined) => ({
  conversation_id: conversation.conversationId,
  kind: conversation.kind,
  title: conversation.title,
  member_count: conversation.memberCount,
  role: member.role,
  last_seq: head?.lastSeq ?? 0,
  delivered_seq: member.deliveredSeq,
  read_seq: member.readSeq,
});

/** What was asked for may be anything: its beginning is enough to recognise it by. */
const noUser = (userId: string) => refusal.noSuch(`user ${userId.slice(0, 64)}`);
const noConversation = (id: string) => refusal.noSuch(`conversation ${id.slice(0, 131)}`);
