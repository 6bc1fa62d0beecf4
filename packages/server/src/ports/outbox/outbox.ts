// The outbox port: what one service has to tell another about a change of its own, noted in the transaction of the change.

export interface OutboxEvent {
  /** Of this outbox, never given twice. */
  readonly no: number;
  /** The kind of task that it becomes. */
  readonly kind: string;
  readonly payload: string;
}

/** No service writes to the tables of another, and no transaction spans two: what follows from a change elsewhere is a task. */
export interface Outbox {
  /** Committed and not delivered, oldest first. */
  pending(limit: number): Promise<readonly OutboxEvent[]>;
  /** Forgets them: whoever they concern will learn of them. Those that are forgotten already do not matter. */
  delivered(nos: readonly number[]): Promise<void>;
}
