// Proves what the client library promises an application, from what applications heard and what the server has afterwards.

import type { FullRead } from '@hongyan/testing/history';

/** One run of a client: from its creation until it was closed or crashed. */
export interface ClientRun {
  readonly userId: string;
  /** Runs of one device follow each other on one storage. */
  readonly deviceId: string;
  /** Messages in the order they were told. */
  readonly told: ToldMessage[];
  /** It stopped keeping things at some moment before its end: what it told after that, the next run may tell again. */
  hasCrashed: boolean;
}

export interface ToldMessage {
  readonly conversationId: string;
  readonly seq: number;
  readonly clientMsgId: string;
}

export interface SentMessage {
  readonly userId: string;
  readonly clientMsgId: string;
  /** Kept by the storage: it must arrive, whatever became of its run. */
  isKept: boolean;
  /** What the send resolved with. */
  resolved?: { readonly conversationId: string; readonly seq: number };
}

export interface ClientFacts {
  readonly runs: readonly ClientRun[];
  readonly sent: readonly SentMessage[];
  /** What every user's conversations hold at the end. */
  readonly reads: readonly FullRead[];
}

export interface ClientViolation {
  readonly rule: 'C1' | 'C2' | 'C4';
  readonly what: string;
  readonly evidence: unknown;
}

/** Empty when the promises held. For devices that were online at the end, and began before the first message. */
export function checkClients(facts: ClientFacts): ClientViolation[] {
  return [...checkTold(facts), ...checkSent(facts)];
}

/** [C1][C2] Each run goes on where the one before it left off, one by one, as the server has them, up to the end. */
function checkTold({ runs, reads }: ClientFacts): ClientViolation[] {
  const violations: ClientViolation[] = [];
  for (const deviceRuns of Map.groupBy(runs, (run) => run.deviceId).values()) {
    for (const { userId, conversationId, entries, lastSeq } of reads) {
      if (userId !== deviceRuns[0]?.userId) continue;
      let upTo = 0;
      // After a crash the position is only known by where telling goes on.
      let mayRepeat = false;
      for (const run of deviceRuns) {
        const told = run.told.filter((message) => message.conversationId === conversationId);
        const first = told[0]?.seq ?? upTo + 1;
        if (first !== upTo + 1 && !(mayRepeat && first <= upTo)) {
          const evidence = { userId, conversationId, upTo, first };
          violations.push({ rule: 'C1', what: 'a run does not go on where the last ended', evidence });
        }
        const broken = told.find(({ seq }, index) => seq !== first + index);
        if (broken) violations.push({ rule: 'C1', what: 'a hole, a repeat or a wrong order', evidence: broken });
        const other = told.find(({ seq, clientMsgId }) => entries[seq - 1]?.client_msg_id !== clientMsgId);
        if (other) violations.push({ rule: 'C1', what: 'told what the server does not have', evidence: other });
        mayRepeat = run.hasCrashed || (mayRepeat && told.length === 0);
        upTo = told.at(-1)?.seq ?? upTo;
      }
      if (upTo < lastSeq) {
        violations.push({ rule: 'C2', what: 'not caught up', evidence: { userId, conversationId, upTo, lastSeq } });
      }
    }
  }
  return violations;
}

/** [C4] Once if it resolved or was kept, where it said; at most once in any case. */
function checkSent({ sent, reads }: ClientFacts): ClientViolation[] {
  const violations: ClientViolation[] = [];
  const places = new Map<string, Map<string, number>>();
  for (const { conversationId, entries } of reads) {
    for (const entry of entries) {
      const key = JSON.stringify([entry.from, entry.client_msg_id]);
      const found = places.get(key) ?? new Map<string, number>();
      places.set(key, found.set(`${conversationId} ${entry.seq}`, entry.seq));
    }
  }
  for (const { userId, clientMsgId, isKept, resolved } of sent) {
    const found = [...(places.get(JSON.stringify([userId, clientMsgId]))?.keys() ?? [])];
    const evidence = { userId, clientMsgId, resolved, found };
    if (found.length > 1) violations.push({ rule: 'C4', what: 'a send took effect twice', evidence });
    if (found.length === 0 && (isKept || resolved)) violations.push({ rule: 'C4', what: 'a send is lost', evidence });
    if (resolved && found.length > 0 && !found.includes(`${resolved.conversationId} ${resolved.seq}`)) {
      violations.push({ rule: 'C4', what: 'a send is not where it said', evidence });
    }
  }
  return violations;
}
