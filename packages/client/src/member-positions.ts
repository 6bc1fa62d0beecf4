// How far the other members of a conversation have received and read. Pure.

import type { Seq, UserId } from '@hongyan/protocol/ids';
import { type DerivedStatus, type Position, statusForSender } from '@hongyan/protocol/status';
import { deleteWhere } from './map-entries.ts';

export class MemberPositions {
  readonly #positions: Map<UserId, Position>;
  /** The copy that views share until a position changes, so that a message does not cost a copy. */
  #copy: ReadonlyMap<UserId, Position> | undefined;

  constructor(stored: Iterable<readonly [UserId, Position]> = []) {
    this.#positions = new Map(stored);
  }

  /** [D7] true when the position moved forward. */
  advance(userId: UserId, position: Position): boolean {
    const before = this.#positions.get(userId) ?? nothing;
    const after = laterPosition(before, position);
    if (after === before) return false;
    this.#positions.set(userId, after);
    this.#copy = undefined;
    return true;
  }

  /** Drops members that left: they neither delay a status nor count as readers. */
  keepOnly(members: readonly UserId[]): void {
    const current = new Set(members);
    const { size } = this.#positions;
    deleteWhere(this.#positions, (userId) => !current.has(userId));
    if (this.#positions.size < size) this.#copy = undefined;
  }

  statusForSender(seq: Seq, others: readonly UserId[]): DerivedStatus {
    const positions = others.map((userId) => this.#positions.get(userId) ?? nothing);
    return statusForSender(seq, positions, others.length + 1);
  }

  view(): ReadonlyMap<UserId, Position> {
    this.#copy ??= new Map(this.#positions);
    return this.#copy;
  }

  toStored(): readonly (readonly [UserId, Position])[] {
    return [...this.#positions];
  }
}

const nothing: Position = { deliveredSeq: 0 as Seq, readSeq: 0 as Seq };

/** [D7] `before` itself when nothing moved. What was read was delivered. */
export function laterPosition(before: Position, { deliveredSeq, readSeq }: Position): Position {
  const after = {
    deliveredSeq: later(before.deliveredSeq, later(deliveredSeq, readSeq)),
    readSeq: later(before.readSeq, readSeq),
  };
  return after.deliveredSeq === before.deliveredSeq && after.readSeq === before.readSeq ? before : after;
}

export const later = (a: Seq, b: Seq): Seq => (a >= b ? a : b);
export const earlier = (a: Seq, b: Seq): Seq => (a <= b ? a : b);
