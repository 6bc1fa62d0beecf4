// [O31] Users for operators: who they are, where they stand, and never what they write.

import { ok } from '@hongyan/base/result';
import type { ConversationId, UserId } from '@hongyan/protocol/ids';
import type {
  ListedUser,
  Matches,
  MembershipFacts,
  OperatorUser,
  Page,
  UserFacts,
} from '@hongyan/protocol/operator/people';
import { type Result, refusal } from '@hongyan/protocol/refusals';
import type { DeviceReader } from '../../ports/devices/devices.ts';
import type { Membership } from '../../ports/directory/conversations.ts';
import type { Directory } from '../../ports/directory/directory.ts';
import type { UserRecord } from '../../ports/directory/users.ts';
import type { SessionRegistry } from '../../ports/session-registry/session-registry.ts';
import type { Head } from '../../ports/timeline/timeline.ts';
import { type ConversationPlaces, conversationRoutes, conversationView } from './conversations.ts';
import { cutOf, nextOf, pageIn } from './page.ts';
import type { OperatorRequest, OperatorRoute } from './route.ts';

export interface People extends ConversationPlaces {
  readonly directory: ConversationPlaces['directory'] &
    Pick<Directory, 'countMemberships' | 'getTier' | 'getUsers' | 'listUsers' | 'searchUsers'>;
  readonly devices: Pick<DeviceReader, 'lastSeen' | 'ofUsers'>;
  readonly registry: Pick<SessionRegistry, 'online'>;
}

export function peopleRoutes(people: People): readonly OperatorRoute[] {
  const user = '/admin/v1/users/:user_id';
  return [
    { method: 'GET', path: '/admin/v1/users', handle: (request) => users(people, request) },
    { method: 'GET', path: user, handle: ({ params }) => oneUser(people, params.user_id as UserId) },
    { method: 'GET', path: `${user}/conversations`, handle: (request) => conversationsOf(people, request) },
    ...conversationRoutes(people),
  ];
}

async function users(
  { directory, devices, registry }: People,
  { query }: OperatorRequest,
): Promise<Result<{ readonly users: readonly ListedUser[] } & Page & Matches>> {
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
    ...(wanted === '' ? nextOf(found, limit, ({ userId }) => userId) : cutOf(found, limit)),
  });
}

async function oneUser({ directory, devices, registry }: People, userId: UserId): Promise<Result<UserFacts>> {
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

async function conversationsOf(
  { directory, timeline }: People,
  request: OperatorRequest,
): Promise<Result<{ readonly conversations: readonly MembershipFacts[] } & Page>> {
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

const userView = ({ userId, displayName, createdAtMs, isDisabled = false }: UserRecord): OperatorUser => ({
  user_id: userId,
  display_name: displayName,
  created_at: createdAtMs,
  disabled: isDisabled,
});

const membershipView = ({ member, conversation }: Membership, head: Head | undefined): MembershipFacts => ({
  ...conversationView(conversation, head),
  role: member.role,
  delivered_seq: member.deliveredSeq,
  read_seq: member.readSeq,
});

/** The requested id is arbitrary text: only its beginning is repeated. */
const noUser = (userId: string) => refusal.noSuch(`user ${userId.slice(0, 64)}`);
