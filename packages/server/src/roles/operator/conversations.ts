// [O31] Conversations for operators: which there are, who is in them and how far each has come, and never what is written there.

import { ok } from '@hongyan/base/result';
import type { ConversationId, UserId } from '@hongyan/protocol/ids';
import type {
  ConversationFacts,
  ConversationMember,
  ListedConversation,
  Matches,
  Page,
} from '@hongyan/protocol/operator/people';
import { type Result, refusal } from '@hongyan/protocol/refusals';
import type { ConversationRecord } from '../../ports/directory/conversations.ts';
import type { Directory } from '../../ports/directory/directory.ts';
import type { Head, TimelineReads } from '../../ports/timeline/timeline.ts';
import { memberFacts } from './facts.ts';
import { cutOf, nextOf, type PageRequest, pageIn } from './page.ts';
import type { OperatorRequest, OperatorRoute } from './route.ts';

export interface ConversationPlaces {
  readonly directory: Pick<
    Directory,
    'getConversations' | 'listConversations' | 'members' | 'memberships' | 'searchConversations'
  >;
  readonly timeline: Pick<TimelineReads, 'heads' | 'segments'>;
}

export function conversationRoutes(places: ConversationPlaces): readonly OperatorRoute[] {
  const all = '/admin/v1/conversations';
  const one = `${all}/:conversation_id`;
  return [
    { method: 'GET', path: all, handle: (request) => conversations(places, request) },
    {
      method: 'GET',
      path: one,
      handle: ({ params }) => oneConversation(places, params.conversation_id as ConversationId),
    },
    { method: 'GET', path: `${one}/members`, handle: (request) => members(places, request) },
  ];
}

export const conversationView = (record: ConversationRecord, head: Head | undefined): ListedConversation => ({
  conversation_id: record.conversationId,
  kind: record.kind,
  title: record.title,
  created_at: record.createdAtMs,
  member_count: record.memberCount,
  last_seq: head?.lastSeq ?? 0,
  messages: head?.lastCount ?? 0,
  last_message_at: head === undefined || head.lastCountedMs === 0 ? null : head.lastCountedMs,
});

interface Found {
  readonly records: readonly ConversationRecord[];
  /** Where the next page begins, or that a search has more. */
  readonly more: Page & Matches;
}

async function conversations(
  places: ConversationPlaces,
  { query }: OperatorRequest,
): Promise<Result<{ readonly conversations: readonly ListedConversation[] } & Page & Matches>> {
  const page = pageIn(query);
  if (page.type !== 'ok') return page;
  const asked = (name: string): string => (query.get(name) ?? '').trim();
  const [wanted, member] = [asked('query'), asked('member')];
  if (wanted !== '' && member !== '') return refusal.invalid('give query or member, not both');
  const { records, more } = await found(places, { wanted, member, page: page.value });
  const heads = await places.timeline.heads(records.map(({ conversationId }) => conversationId));
  return ok({ conversations: records.map((record, at) => conversationView(record, heads[at])), ...more });
}

/** Ids of conversations, and these alone, begin like this: what begins so is looked up among ids, anything else among titles. */
const idStart = /^[dg]:/i;

async function found(
  { directory }: ConversationPlaces,
  asked: { readonly wanted: string; readonly member: string; readonly page: PageRequest },
): Promise<Found> {
  const { wanted, member } = asked;
  const { limit, after: last } = asked.page;
  const after = last === undefined ? {} : { after: last as ConversationId };
  if (member !== '') {
    const memberships = await directory.memberships({ userId: member as UserId, limit, ...after });
    const records = memberships.map(({ conversation }) => conversation);
    return { records, more: nextOf(records, limit, idOf) };
  }
  if (wanted !== '' && !idStart.test(wanted)) {
    const records = await directory.searchConversations({ query: wanted, limit });
    return { records, more: cutOf(records, limit) };
  }
  const records = await directory.listConversations({ idPrefix: wanted, limit, ...after });
  return { records, more: nextOf(records, limit, idOf) };
}

async function oneConversation(
  { directory, timeline }: ConversationPlaces,
  conversationId: ConversationId,
): Promise<Result<ConversationFacts>> {
  const record = (await directory.getConversations([conversationId])).get(conversationId);
  if (record === undefined) return noConversation(conversationId);
  const [[head], segments] = await Promise.all([timeline.heads([conversationId]), timeline.segments(conversationId)]);
  return ok({
    ...conversationView(record, head),
    first_seq: head?.firstSeq ?? 1,
    segments: segments.map(({ name, firstSeq, lastSeq }) => ({ name, first_seq: firstSeq, last_seq: lastSeq })),
  });
}

async function members(
  { directory }: ConversationPlaces,
  request: OperatorRequest,
): Promise<Result<{ readonly members: readonly ConversationMember[] } & Page>> {
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

const idOf = ({ conversationId }: ConversationRecord): string => conversationId;

/** The requested id is arbitrary text: only its beginning is repeated. */
const noConversation = (id: string) => refusal.noSuch(`conversation ${id.slice(0, 131)}`);
