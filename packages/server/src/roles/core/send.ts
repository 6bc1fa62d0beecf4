// The message path: a batch of sends is admitted, appended in one commit, published, and only then answered.

import type { Clock } from '@hongyan/base/clock';
import { directMembers } from '@hongyan/protocol/direct';
import type { ConversationId, UserId } from '@hongyan/protocol/ids';
import { mayPost } from '../../domain/membership.ts';
import { encodeContent, isKeyStorable, targetOf } from '../../domain/message.ts';
import type { Committed, Outcome, Refusal, SendCommand } from '../../ports/core/core.ts';
import { type BusEvent, conversationTopic, userTopic } from '../../ports/event-bus/event-bus.ts';
import { refusalOf } from '../../ports/store-failure.ts';
import type { AppendResult, NewEntry, StoredEntry } from '../../ports/timeline/timeline.ts';
import type { CoreDeps } from './deps.ts';
import { encode, messageFrame } from './frames.ts';
import type { MembershipCache } from './membership-cache.ts';
import { notMember, refused } from './outcome.ts';

type Admitted = NewEntry | Refusal;

export function createSendHandler(deps: CoreDeps, memberships: MembershipCache) {
  const { timeline, bus, log } = deps;

  /** Outcomes in the order of the batch. Handling a command again gives the same outcome [D3]. */
  async function handle(batch: readonly SendCommand[]): Promise<readonly Outcome<Committed>[]> {
    const first = batch.map(admit);
    // Who waited for another's look-up may have been removed meanwhile: nobody writes behind the entry that tells of it.
    const resolved = areKnown(first) ? first : (await Promise.all(first)).map(stillAdmitted);
    const entries = resolved.filter((item): item is NewEntry => !('type' in item));
    let results: readonly AppendResult[];
    try {
      results = await timeline.append(entries);
    } catch (error) {
      log.error('append failed', { size: entries.length, error });
      const answer = refusalOf(error);
      return resolved.map((item) => ('type' in item ? item : answer));
    }
    bus.publish(publications(results));
    let next = 0;
    return resolved.map((item) => ('type' in item ? item : committed(results[next++])));
  }

  function admit(command: SendCommand): Admitted | Promise<Admitted> {
    if (!isKeyStorable(command.clientMsgId)) return refused('bad_request', 'client_msg_id is not valid Unicode');
    const target = targetOf(command);
    if (target.type === 'refused') return target;
    const content = encodeContent(command.content, deps.limits.contentBytesMax);
    if (content.type === 'refused') return content;
    const entry = newEntry(deps, { ...command, conversationId: target.value, contentJson: content.value });
    const known = memberships.peek(target.value, command.from);
    if (known) return post(entry, known.conversation.kind, known.member.role);
    return admitUnknown(entry);
  }

  async function admitUnknown(entry: NewEntry): Promise<Admitted> {
    let membership = await memberships.get(entry.conversationId, entry.from);
    if (!membership && entry.conversationId.startsWith('d:')) {
      const opened = await openDirect(deps, entry.conversationId);
      if (opened.type === 'refused') return opened;
      membership = await memberships.get(entry.conversationId, entry.from);
    }
    return post(entry, membership?.conversation.kind ?? 'group', membership?.member.role);
  }

  function stillAdmitted(item: Admitted): Admitted {
    return 'type' in item || memberships.peek(item.conversationId, item.from) ? item : notMember;
  }

  return { handle };
}

function areKnown(items: readonly (Admitted | Promise<Admitted>)[]): items is readonly Admitted[] {
  return !items.some((item) => item instanceof Promise);
}

function post(entry: NewEntry, kind: 'direct' | 'group' | 'broadcast', role: 'owner' | 'member' | undefined): Admitted {
  const allowed = mayPost({ kind, role });
  return allowed.type === 'refused' ? allowed : entry;
}

export function newEntry(
  { newMsgId, clock }: { newMsgId: CoreDeps['newMsgId']; clock: Clock },
  message: { conversationId: ConversationId; from: UserId; clientMsgId: NewEntry['clientMsgId']; contentJson: string },
): NewEntry {
  return {
    msgId: newMsgId(),
    conversationId: message.conversationId,
    from: message.from,
    clientMsgId: message.clientMsgId,
    timestampMs: clock.nowMs(),
    contentJson: message.contentJson,
  };
}

/** A direct conversation comes into being with its first use, provided both users exist. Opening it again changes nothing. */
export async function openDirect(deps: CoreDeps, conversationId: ConversationId): Promise<Outcome<{ isNew: boolean }>> {
  const pair = directMembers(conversationId);
  if (!pair) return refused('bad_request', 'a direct conversation_id is d: + both user ids sorted, joined by ":"');
  const userIds = [...new Set(pair)];
  const users = await deps.directory.getUsers(userIds);
  const missing = userIds.find((userId) => !users.some((user) => user.userId === userId));
  if (missing !== undefined) return refused('not_found', `there is no user ${missing}`);
  const isNew = await deps.directory.createConversation({
    conversationId,
    kind: 'direct',
    title: '',
    members: userIds.map((userId) => ({ userId, role: 'member' })),
    atMs: deps.clock.nowMs(),
  });
  if (isNew) {
    const frame = encode<'conversation'>({
      type: 'conversation',
      conversation_id: conversationId,
      change: 'created',
      conversation: { kind: 'direct', members: userIds, member_count: userIds.length },
    });
    deps.bus.publish(userIds.map((userId) => ({ type: 'frame', topic: userTopic(userId), frame })));
  }
  return { type: 'ok', value: { isNew } };
}

/** One event per topic: a direct message goes to its two users, any other to its conversation. Duplicates are not told again. */
export function publications(results: readonly AppendResult[]): BusEvent[] {
  const events: BusEvent[] = [];
  for (const { type, entry } of results) {
    if (type === 'duplicate') continue;
    const frame = messageFrame(entry);
    const pair = directMembers(entry.conversationId);
    if (!pair) {
      events.push({ type: 'frame', topic: conversationTopic(entry.conversationId), frame });
      continue;
    }
    events.push({ type: 'frame', topic: userTopic(pair[0]), frame });
    if (pair[1] !== pair[0]) events.push({ type: 'frame', topic: userTopic(pair[1]), frame });
  }
  return events;
}

function committed(result: AppendResult | undefined): Outcome<Committed> {
  if (!result) return refused('internal', 'the store gave no result');
  const entry: StoredEntry = result.entry;
  return {
    type: 'ok',
    value: {
      msgId: entry.msgId,
      conversationId: entry.conversationId,
      seq: entry.seq,
      timestampMs: entry.timestampMs,
      isDuplicate: result.type === 'duplicate',
    },
  };
}
