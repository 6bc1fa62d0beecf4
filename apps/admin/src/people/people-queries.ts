// What the console asks about users and conversations.

import type {
  ConversationFacts,
  ConversationMember,
  ListedConversation,
  ListedUser,
  Matches,
  MembershipFacts,
  Page,
  UserFacts,
} from '@hongyan/protocol/operator/people';
import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';
import { ask } from '../api/operator-api.ts';
import { refetchMs } from '../api/queries.ts';

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
  pages<{ readonly members: readonly ConversationMember[] } & Page>(
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
