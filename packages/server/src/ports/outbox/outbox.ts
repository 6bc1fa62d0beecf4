// The outbox port: the events of a service, each stored in the transaction of the change that it reports.

export interface OutboxEvent {
  /** Unique in this outbox. */
  readonly no: number;
  /** The kind of the task that the relay creates for the event. */
  readonly kind: string;
  readonly payload: string;
}

/**
 * No service writes to the tables of another service, and no transaction spans two services. A relay turns each event into a task
 * instead. Delivery is at least once: a relay that dies before `delivered` adds the task again, and task handlers are idempotent.
 */
export interface Outbox {
  /** Committed events that are not marked as delivered, oldest first. */
  pending(limit: number): Promise<readonly OutboxEvent[]>;
  /** Deletes events whose tasks are durable. Unknown numbers are ignored. */
  delivered(nos: readonly number[]): Promise<void>;
}
