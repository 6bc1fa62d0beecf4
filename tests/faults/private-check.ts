// The part of the checker that looks at what users set for themselves: the present state is the fold of the private timeline [E21],
// and of a draft that another one took the place of nothing is left [E22].

import type { ClientEvent, FullRead, SeenEntry, Violation } from '@hongyan/testing/history';

interface PrivateContent {
  readonly type: string;
  readonly change: {
    readonly type: string;
    readonly conversation_id?: string;
    readonly name?: string;
    readonly [field: string]: unknown;
  };
  readonly others?: readonly unknown[];
}

const typeOfPrivate = 'hongyan.private';

export const isPrivateTimeline = (conversationId: string): boolean => conversationId.startsWith('u:');

/** What of a content its sender gave: the server adds the device, and texts that a draft is kept beside. */
export function givenPart(content: unknown): unknown {
  const { type, change } = (content ?? {}) as Partial<PrivateContent>;
  return type === typeOfPrivate ? { type, change } : content;
}

export function checkPrivate(events: readonly ClientEvent[], reads: readonly FullRead[]): Violation[] {
  const given = new Map<string, PrivateContent>();
  for (const event of events) {
    if (event.type === 'attempted' && isPrivateTimeline(event.conversationId))
      given.set(`${event.sender} ${event.clientMsgId}`, event.content as PrivateContent);
  }
  return reads.flatMap((read) =>
    isPrivateTimeline(read.conversationId)
      ? [
          ...checkState(read),
          ...checkDrafts(read.entries, (entry) => given.get(`${entry.from} ${entry.client_msg_id}`)),
        ]
      : [],
  );
}

function checkState({ userId, entries, state }: FullRead): Violation[] {
  const expected = new Map<string, unknown>();
  for (const { seq, content } of entries) {
    const { type, ...own } = content as PrivateContent;
    if (type !== typeOfPrivate || own.change.type === 'read') continue;
    expected.delete(keyOf(own.change));
    if (!isRemoval(own)) expected.set(keyOf(own.change), { seq, ...own });
  }
  const found = new Map((state ?? []).map((item) => [keyOf(item.change), item]));
  const sorted = (items: ReadonlyMap<string, unknown>) => [...items].sort(([a], [b]) => (a < b ? -1 : 1));
  if (Bun.deepEquals(sorted(found), sorted(expected))) return [];
  const evidence = { userId, expected: sorted(expected), found: sorted(found) };
  return [{ rule: 'E21', what: 'the private state is not the fold of the private timeline', evidence }];
}

/** `givenFor`: what was asked for; of an erased entry nothing else tells what it was. */
function checkDrafts(
  entries: readonly SeenEntry[],
  givenFor: (entry: SeenEntry) => PrivateContent | undefined,
): Violation[] {
  const lastDraftSeq = new Map<string, number>();
  const draftKey = (entry: SeenEntry) => {
    const change = givenFor(entry)?.change;
    return change?.type === 'draft' ? keyOf(change) : undefined;
  };
  for (const entry of entries) {
    const key = draftKey(entry);
    if (key !== undefined) lastDraftSeq.set(key, entry.seq);
  }
  return entries.flatMap((entry) => {
    const key = draftKey(entry);
    const isSuperseded = key !== undefined && entry.seq < (lastDraftSeq.get(key) ?? 0);
    const content = entry.content as PrivateContent;
    const isErased = content.type === 'hongyan.recalled';
    if (isErased === isSuperseded || (isSuperseded && isRemoval(content))) return [];
    const what = isErased ? 'a private change is gone' : 'a draft that another took the place of is still there';
    return [{ rule: 'E22', what, evidence: { entry, given: givenFor(entry) } } as const];
  });
}

const keyOf = ({ type, name, conversation_id }: PrivateContent['change']): string =>
  `${type} ${name ?? conversation_id}`;

/** Nothing is set by it any more. */
function isRemoval({ change, others }: Pick<PrivateContent, 'change' | 'others'>): boolean {
  const { type, until, pinned, count, text, value } = change;
  if (type === 'draft') return text === '' && others === undefined;
  return (
    { mute: until === null, pin: pinned === false, archive: count === null, setting: value === null }[type] ?? false
  );
}
