// The part of the checker that looks at receipts: bounded by the timeline, made by devices, and only moving forward [D7].

import type { ClientEvent, Positions, Violation } from '@hongyan/testing/history';

type Positioned = Extract<ClientEvent, { type: 'receipt_pushed' | 'positions_read' }>;

/** `lastSeqs`: conversation → last seq at the end. */
export function checkPositions(events: readonly ClientEvent[], lastSeqs: ReadonlyMap<string, number>): Violation[] {
  const violations: Violation[] = [];
  const claimed = claims(events);
  const floors = new Floors();
  const fail = (what: string, evidence: unknown) => violations.push({ rule: 'D7', what, evidence });
  for (const event of events) {
    if (event.type === 'restarted') floors.restart();
    if (event.type !== 'receipt_pushed' && event.type !== 'positions_read') continue;
    const { conversationId, deliveredSeq, readSeq } = event;
    const lastSeq = event.type === 'positions_read' ? event.lastSeq : lastSeqs.get(conversationId);
    const isOrdered = 0 <= readSeq && readSeq <= deliveredSeq && deliveredSeq <= (lastSeq ?? deliveredSeq);
    if (!isOrdered) fail('not 0 <= read_seq <= delivered_seq <= last_seq', { event, lastSeq });
    const floor = floors.of(event);
    if (deliveredSeq < floor.deliveredSeq || readSeq < floor.readSeq) fail('positions went back', { event, floor });
    const claim = claimed.get(memberKey(event)) ?? none;
    if (deliveredSeq > Math.max(claim.deliveredSeq, claim.readSeq) || readSeq > claim.readSeq) {
      fail('a position that no device of the user claimed', { event, claim });
    }
    floors.raise(event);
  }
  return violations;
}

type Floor = Pick<Positions, 'deliveredSeq' | 'readSeq'>;
const none: Floor = { deliveredSeq: 0, readSeq: 0 };
const memberKey = ({ conversationId, userId }: Positions) => JSON.stringify([conversationId, userId]);

const highest = (a: Floor, b: Floor): Floor => ({
  deliveredSeq: Math.max(a.deliveredSeq, b.deliveredSeq),
  readSeq: Math.max(a.readSeq, b.readSeq),
});

function claims(events: readonly ClientEvent[]): ReadonlyMap<string, Floor> {
  const claimed = new Map<string, Floor>();
  for (const event of events) {
    if (event.type !== 'receipt_sent') continue;
    claimed.set(memberKey(event), highest(claimed.get(memberKey(event)) ?? none, event));
  }
  return claimed;
}

/**
 * What later positions may not fall below. Pushes on two connections overtake each other, so each connection is its own
 * line; answers to questions are one line; a restart joins them all, since what was told was durable.
 */
class Floors {
  #beforeRestart = new Map<string, Floor>();
  readonly #told = new Map<string, Floor>();
  #byLine = new Map<string, Floor>();

  of(event: Positioned): Floor {
    return highest(
      this.#beforeRestart.get(memberKey(event)) ?? none,
      this.#byLine.get(`${lineOf(event)} ${memberKey(event)}`) ?? none,
    );
  }

  raise(event: Positioned): void {
    const key = memberKey(event);
    const line = `${lineOf(event)} ${key}`;
    this.#told.set(key, highest(this.#told.get(key) ?? none, event));
    this.#byLine.set(line, highest(this.#byLine.get(line) ?? none, event));
  }

  restart(): void {
    this.#beforeRestart = new Map(this.#told);
    this.#byLine = new Map();
  }
}

const lineOf = (event: Positioned) => (event.type === 'receipt_pushed' ? event.connection : 'answers');
