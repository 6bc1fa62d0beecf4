// What the console asks about users and conversations.

import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';
import { ask } from '../api/operator-api.ts';
import { refetchMs } from '../api/queries.ts';

interface Page {
  readonly next?: string;
}

/** Of a search, which shows its best matches alone. */
interface Matches {
  readonly is_cut?: boolean;
}

export interface User {
  readonly user_id: string;
  readonly display_name: string;
  readonly created_at: number;
  readonly disabled: boolean;
}

export interface ListedUser extends User {
  readonly online: boolean;
  readonly last_seen: number | null;
}

export interface UserDevice {
  readonly device_id: string;
  readonly name: string;
  readonly last_seen: number;
  readonly online: boolean;
}

export interface UserFacts extends User {
  readonly tier: string | null;
  readonly conversations: number;
  readonly devices: readonly UserDevice[];
}

type Kind = 'direct' | 'group' | 'broadcast';
type Role = 'owner' | 'admin' | 'member';

export interface ListedConversation {
  readonly conversation_id: string;
  readonly kind: Kind;
  readonly title: string;
  readonly created_at: number;
  readonly member_count: number;
  readonly last_seq: number;
  readonly messages: number;
  readonly last_message_at: number | null;
}

export interface MembershipFacts extends ListedConversation {
  readonly role: Role;
  readonly delivered_seq: number;
  readonly read_seq: number;
}

export interface ConversationFacts extends ListedConversation {
  readonly first_seq: number;
  readonly segments: readonly { readonly name: string; readonly first_seq: number; readonly last_seq: number }[];
}

export interface MemberFacts {
  readonly user_id: string;
  readonly role: Role;
  readonly visible_from_seq: number;
  readonly delivered_seq: number;
  readonly read_seq: number;
}

const userPath = (id: string) => `admin/v1/users/${encodeURIComponent(id)}`;
const conversationPath = (id: string) => `admin/v1/conversations/${encodeURIComponent(id)}`;

export const usersQuery = (query: string) =>
  pages<{ readonly users: readonly ListedUser[] } & Page & Matches>(['users', 'list', query], 'admin/v1/users', {
    query,
  });

export const userQuery = (id: string) =>
  queryOptions({
    queryKey: ['users', id],
    queryFn: ({ signal }) => ask<UserFacts>(userPath(id), { signal }),
    refetchInterval: refetchMs,
  });

export const userConversationsQuery = (id: string) =>
  pages<{ readonly conversations: readonly MembershipFacts[] } & Page>(
    ['users', id, 'conversations'],
    `${userPath(id)}/conversations`,
  );

/** By id or title (all where the text is empty), or by a member. */
export type ConversationSearch = { readonly query: string } | { readonly member: string };

export const conversationsQuery = (search: ConversationSearch) =>
  pages<{ readonly conversations: readonly ListedConversation[] } & Page & Matches>(
    ['conversations', 'list', search],
    'admin/v1/conversations',
    { ...search },
  );

export const conversationQuery = (id: string) =>
  queryOptions({
    queryKey: ['conversations', id],
    queryFn: ({ signal }) => ask<ConversationFacts>(conversationPath(id), { signal }),
    refetchInterval: refetchMs,
  });

export const membersQuery = (id: string) =>
  pages<{ readonly members: readonly MemberFacts[] } & Page>(
    ['conversations', id, 'members'],
    `${conversationPath(id)}/members`,
  );

export const setTier = (userId: string, tier: string | null): Promise<void> =>
  ask(`${userPath(userId)}/tier`, { method: 'PUT', body: { tier } });

function pages<P extends Page>(
  queryKey: readonly unknown[],
  path: string,
  query: Readonly<Record<string, string>> = {},
) {
  return infiniteQueryOptions({
    queryKey,
    queryFn: ({ pageParam, signal }) => {
      const of = new URLSearchParams({ ...query, ...(pageParam === '' ? {} : { after: pageParam }) });
      return ask<P>(`${path}?${of}`, { signal });
    },
    initialPageParam: '',
    getNextPageParam: ({ next }) => next,
    refetchInterval: refetchMs,
  });
}

/** `deviceId`: there alone; absent: everywhere. */
export const signOutUser = (userId: string, deviceId?: string): Promise<void> =>
  ask(`${userPath(userId)}/sign-out`, {
    method: 'POST',
    body: deviceId === undefined ? {} : { device_id: deviceId },
  });
