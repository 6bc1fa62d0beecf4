// Proves the delivery contract from the client's side alone: events of clients against what the server shows afterwards.

import { type FoldedMessage, foldEntries } from '@hongyan/testing/fold-entries';
import type { Aftermath, ClientEvent, FullRead, SeenEntry, Violation } from '@hongyan/testing/history';
import { checkPositions } from './position-check.ts';
import { checkPrivate, givenPart, isPrivateTimeline } from './private-check.ts';

/** Empty when the contract held. Pure: the same input gives the same list. */
export function check(events: readonly ClientEvent[], aftermath: Aftermath): Violation[] {
  const sends = collectSends(events);
  const timelines = collectTimelines(aftermath.reads);
  return [
    ...checkReads(aftermath.reads, timelines),
    ...checkAcked(sends, timelines),
    ...checkOneEffect(sends, timelines),
    ...checkNothingInvented(sends, timelines),
    ...checkOutcomes(sends, timelines, aftermath.outcomes),
    ...checkPushOrder(events),
    ...checkSeen(events, timelines, aftermath.devices),
    ...checkPositions(events, lastSeqs(timelines)),
    ...checkErased(sends, timelines),
    ...checkHistory(aftermath.reads),
    ...checkPrivate(events, aftermath.reads),
  ];
}

interface Send {
  readonly sender: string;
  readonly clientMsgId: string;
  readonly attempts: Extract<ClientEvent, { type: 'attempted' }>[];
  readonly acks: Extract<ClientEvent, { type: 'acked' }>[];
  /** Their codes. */
  readonly refusals: string[];
}

type Sends = ReadonlyMap<string, Send>;
/** Conversation → seq → entry, as the first member that read it saw it; checkReads shows that the others saw the same. */
type Timelines = ReadonlyMap<string, ReadonlyMap<number, SeenEntry>>;

const keyOf = (sender: string, clientMsgId: string) => JSON.stringify([sender, clientMsgId]);

function collectSends(events: readonly ClientEvent[]): Sends {
  const sends = new Map<string, Send>();
  const at = (sender: string, clientMsgId: string): Send => {
    const key = keyOf(sender, clientMsgId);
    const known = sends.get(key);
    if (known) return known;
    const fresh: Send = { sender, clientMsgId, attempts: [], acks: [], refusals: [] };
    sends.set(key, fresh);
    return fresh;
  };
  for (const event of events) {
    if (event.type === 'attempted') at(event.sender, event.clientMsgId).attempts.push(event);
    else if (event.type === 'acked') at(event.sender, event.clientMsgId).acks.push(event);
    else if (event.type === 'refused') at(event.sender, event.clientMsgId).refusals.push(event.code);
  }
  return sends;
}

function collectTimelines(reads: readonly FullRead[]): Timelines {
  const timelines = new Map<string, Map<number, SeenEntry>>();
  for (const { conversationId, entries } of reads) {
    const timeline = timelines.get(conversationId) ?? new Map<number, SeenEntry>();
    timelines.set(conversationId, timeline);
    for (const entry of entries) if (!timeline.has(entry.seq)) timeline.set(entry.seq, entry);
  }
  return timelines;
}

function lastSeqs(timelines: Timelines): ReadonlyMap<string, number> {
  return new Map(
    [...timelines].map(([id, timeline]) => [id, [...timeline.keys()].reduce((max, seq) => Math.max(max, seq), 0)]),
  );
}

/** [D2] 1..n without holes, and the same for every member. */
function checkReads(reads: readonly FullRead[], timelines: Timelines): Violation[] {
  const violations: Violation[] = [];
  const lastSeqOf = new Map<string, number>();
  for (const { userId, conversationId, firstSeq, lastSeq, entries } of reads) {
    const fail = (what: string, evidence: object) =>
      violations.push({ rule: 'D2', what, evidence: { userId, conversationId, ...evidence } });
    if (firstSeq !== 1) fail('a timeline that nothing was removed from does not start at 1', { firstSeq });
    if (entries.length !== lastSeq) fail('last_seq is not the number of entries', { lastSeq, count: entries.length });
    const broken = entries.findIndex((entry, index) => entry.seq !== index + 1);
    if (broken >= 0) fail('a hole, a repeat or a wrong order', { index: broken, entry: entries[broken] });
    const other = entries.find((entry) => !isSame(entry, timelines.get(conversationId)?.get(entry.seq)));
    if (other) fail('two members read different entries at one seq', { entry: other });
    const stray = entries.find((entry) => entry.conversation_id !== conversationId);
    if (stray) fail('an entry of another conversation', { entry: stray });
    const known = lastSeqOf.get(conversationId);
    if (known !== undefined && known !== lastSeq) fail('two members read a different last_seq', { lastSeq, known });
    lastSeqOf.set(conversationId, lastSeq);
  }
  return violations;
}

/** [D1] What was acknowledged stands where the ack said, as it was sent. */
function checkAcked(sends: Sends, timelines: Timelines): Violation[] {
  const violations: Violation[] = [];
  for (const send of sends.values()) {
    for (const ack of send.acks) {
      const entry = timelines.get(ack.conversationId)?.get(ack.seq);
      const isThere =
        entry?.msg_id === ack.msgId && entry.from === send.sender && entry.client_msg_id === send.clientMsgId;
      if (!isThere) violations.push({ rule: 'D1', what: 'an acked message is lost', evidence: { ack, found: entry } });
      else if (!isAttempted(send, entry)) {
        violations.push({ rule: 'D1', what: 'an acked message changed', evidence: { attempts: send.attempts, entry } });
      }
    }
  }
  return violations;
}

/** [D3] One place per key in all timelines; every ack of a key names it; all but the first are marked. */
function checkOneEffect(sends: Sends, timelines: Timelines): Violation[] {
  const violations: Violation[] = [];
  const fail = (what: string, evidence: unknown) => violations.push({ rule: 'D3', what, evidence });
  const byKey = new Map<string, SeenEntry>();
  const byMsgId = new Map<string, SeenEntry>();
  for (const entry of allEntries(timelines)) {
    const key = keyOf(entry.from, entry.client_msg_id);
    const first = byKey.get(key);
    if (first) fail('two entries have one (sender, client_msg_id)', { first, second: entry });
    else byKey.set(key, entry);
    const twin = byMsgId.get(entry.msg_id);
    if (twin) fail('two entries have one msg_id', { first: twin, second: entry });
    else byMsgId.set(entry.msg_id, entry);
  }
  for (const [key, send] of sends) {
    const [first] = send.acks;
    const different = send.acks.find((ack) => ack.msgId !== first?.msgId || ack.seq !== first.seq);
    if (different) fail('two acks of one key name different messages', { first, second: different });
    const unmarked = send.acks.filter((ack) => !ack.isDuplicate);
    if (unmarked.length > 1) fail('a repeated send is not marked duplicate', { acks: send.acks });
    if (send.attempts.length === 1 && first?.isDuplicate) fail('the only attempt is marked duplicate', { ack: first });
    const entry = byKey.get(key);
    if (entry && send.acks.length === 0 && send.refusals.length > 0 && send.refusals.length === send.attempts.length) {
      fail('every attempt was refused, and yet it took effect', { send, entry });
    }
  }
  return violations;
}

/** Nothing stands in a timeline, and nothing is acknowledged, that nobody sent. */
function checkNothingInvented(sends: Sends, timelines: Timelines): Violation[] {
  const violations: Violation[] = [];
  for (const entry of allEntries(timelines)) {
    if (isServerMade(entry)) continue;
    const send = sends.get(keyOf(entry.from, entry.client_msg_id));
    if (!send || !isAttempted(send, entry)) {
      violations.push({
        rule: 'no_invention',
        what: 'an entry that nobody sent like this',
        evidence: { entry, attempts: send?.attempts },
      });
    }
  }
  for (const send of sends.values()) {
    if (send.attempts.length === 0)
      violations.push({ rule: 'no_invention', what: 'an answer without a send', evidence: send });
  }
  return violations;
}

/** [D6] The answer to "what became of my send" is what the timeline shows. */
function checkOutcomes(sends: Sends, timelines: Timelines, outcomes: Aftermath['outcomes']): Violation[] {
  const stored = new Map(allEntries(timelines).map((entry) => [keyOf(entry.from, entry.client_msg_id), entry]));
  const violations: Violation[] = [];
  for (const { userId, clientMsgId, found } of outcomes) {
    const key = keyOf(userId, clientMsgId);
    const entry = stored.get(key);
    const agrees =
      found?.msg_id === entry?.msg_id && found?.seq === entry?.seq && found?.conversation_id === entry?.conversation_id;
    if (!agrees) {
      const evidence = { userId, clientMsgId, found, entry, send: sends.get(key) };
      violations.push({ rule: 'D6', what: 'the outcome told is not the one stored', evidence });
    }
  }
  return violations;
}

/** [D4] Within one connection and conversation pushes come one seq after the other: what is skipped would be a hidden gap. */
function checkPushOrder(events: readonly ClientEvent[]): Violation[] {
  const violations: Violation[] = [];
  const lastPushed = new Map<string, number>();
  for (const event of events) {
    if (event.type !== 'seen' || event.via !== 'push') continue;
    const { entry, connection } = event;
    const key = `${connection} ${entry.conversation_id}`;
    const last = lastPushed.get(key);
    if (last !== undefined && entry.seq !== last + 1) {
      const evidence = { after: last, event };
      violations.push({ rule: 'D4', what: 'a connection was pushed a wrong next seq', evidence });
    }
    lastPushed.set(key, entry.seq);
  }
  return violations;
}

/** [D4] A device that caught up saw every entry; and whatever any device saw is what stands there [D2]. */
function checkSeen(events: readonly ClientEvent[], timelines: Timelines, devices: Aftermath['devices']): Violation[] {
  const violations: Violation[] = [];
  const seen = new Map<string, Set<number>>();
  for (const event of events) {
    if (event.type !== 'seen') continue;
    const { entry } = event;
    const key = JSON.stringify([event.userId, event.deviceId, entry.conversation_id]);
    const seqs = seen.get(key) ?? new Set();
    seen.set(key, seqs.add(entry.seq));
    const timeline = timelines.get(entry.conversation_id);
    if (timeline && !isSame(entry, timeline.get(entry.seq))) {
      const evidence = { event, stored: timeline.get(entry.seq) };
      violations.push({ rule: 'D2', what: 'a device saw another entry than the one stored', evidence });
    }
  }
  for (const { userId, deviceId, conversationIds } of devices) {
    for (const conversationId of conversationIds) {
      const seqs = seen.get(JSON.stringify([userId, deviceId, conversationId]));
      const missing = [...(timelines.get(conversationId)?.keys() ?? [])].filter((seq) => !seqs?.has(seq));
      if (missing.length === 0) continue;
      const evidence = { userId, deviceId, conversationId, missing: missing.slice(0, 20), count: missing.length };
      violations.push({ rule: 'D4', what: 'a device that caught up never saw an entry', evidence });
    }
  }
  return violations;
}

function allEntries(timelines: Timelines): SeenEntry[] {
  return [...timelines.values()].flatMap((timeline) => [...timeline.values()]);
}

const typeOf = ({ content }: SeenEntry): unknown => (content as { readonly type?: unknown } | null)?.type;

/** Changes of members and title stand in the timeline too; nobody sends them. */
const isServerMade = (entry: SeenEntry): boolean =>
  ['hongyan.members', 'hongyan.title'].includes(String(typeOf(entry)));
const isErased = (entry: SeenEntry): boolean => typeOf(entry) === 'hongyan.recalled';

/** What a recall erased can no longer be compared; checkErased shows that it was recalled. */
function isAttempted(send: Send, entry: SeenEntry): boolean {
  return send.attempts.some(
    ({ conversationId, content }) =>
      conversationId === entry.conversation_id &&
      (isErased(entry) || Bun.deepEquals(givenPart(content), givenPart(entry.content), true)),
  );
}

function isSame(a: SeenEntry, b: SeenEntry | undefined): boolean {
  return (
    b !== undefined &&
    a.msg_id === b.msg_id &&
    a.seq === b.seq &&
    a.from === b.from &&
    a.client_msg_id === b.client_msg_id &&
    a.conversation_id === b.conversation_id &&
    (isErased(a) || isErased(b) || Bun.deepEquals(a.content, b.content, true))
  );
}

/** [E5] Erased is what was recalled, and nothing else: the message, and the changes of it that came before the recall. */
function checkErased(sends: Sends, timelines: Timelines): Violation[] {
  const violations: Violation[] = [];
  for (const [conversationId, timeline] of timelines) {
    // There nothing is recalled; checkPrivate looks at what is erased.
    if (isPrivateTimeline(conversationId)) continue;
    const entries = [...timeline.values()];
    const recalled = new Map(
      entries
        .filter((entry) => typeOf(entry) === 'hongyan.recall')
        .map((entry) => [(entry.content as { readonly target_seq: number }).target_seq, entry.seq]),
    );
    for (const entry of entries) {
      const attempt = sends.get(keyOf(entry.from, entry.client_msg_id))?.attempts[0]?.content;
      const changed = (attempt as { readonly target_seq?: number } | undefined)?.target_seq;
      const recallSeq = recalled.get(changed ?? entry.seq);
      const isVoid = recallSeq !== undefined && entry.seq < recallSeq;
      if (isVoid === isErased(entry)) continue;
      const what = isVoid ? 'a recalled content is still there' : 'a content that nobody recalled is gone';
      violations.push({ rule: 'E5', what, evidence: { entry, attempt, recallSeq } });
    }
  }
  return violations;
}

/** [E2] History is the fold of the raw entries. */
function checkHistory(reads: readonly FullRead[]): Violation[] {
  return reads.flatMap(({ userId, conversationId, entries, messages }) => {
    if (messages === undefined) return [];
    const expected = foldEntries(entries, userId);
    const index = expected.findIndex((message, at) => !Bun.deepEquals(message, formOf(messages[at])));
    if (index < 0 && expected.length === messages.length) return [];
    const evidence = { userId, conversationId, expected: expected[index], found: messages[index] };
    return [{ rule: 'E2', what: 'history is not the fold of the entries', evidence }];
  });
}

/** The fields that the fold knows. */
function formOf(message: FoldedMessage | undefined): FoldedMessage | undefined {
  if (message === undefined) return undefined;
  const { seq, from, content, edited, recalled, reactions, pinned, mentions, reply_to } = message;
  return {
    ...{ seq, from, content },
    ...(edited === undefined ? {} : { edited }),
    ...(recalled === undefined ? {} : { recalled }),
    ...(reactions === undefined ? {} : { reactions }),
    ...(pinned === undefined ? {} : { pinned }),
    ...(mentions === undefined ? {} : { mentions }),
    ...(reply_to === undefined ? {} : { reply_to: quoteOf(reply_to) }),
  };
}

const quoteOf = ({ seq, content, recalled }: NonNullable<FoldedMessage['reply_to']>) => ({
  seq,
  ...(content === undefined ? {} : { content }),
  ...(recalled === undefined ? {} : { recalled }),
});
