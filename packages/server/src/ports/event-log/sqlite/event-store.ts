// The writing side of the SQLite event log: applies each write within the transaction of its batch.

import type { Database } from 'bun:sqlite';
import { unreachable } from '@hongyan/base/assert';
import { FileStore } from '../../../adapters/sqlite/file-store.ts';
import { EventWrites } from './event-writes.ts';
import { type EventLogOp, type EventLogResult, isDurable } from './ops.ts';
import { SourceWrites } from './source-writes.ts';
import { WebhookWrites } from './webhook-writes.ts';

export class EventStore extends FileStore<EventLogOp, EventLogResult> {
  readonly #events: EventWrites;
  readonly #sources: SourceWrites;
  readonly #webhooks: WebhookWrites;

  constructor(db: Database) {
    super(db, isDurable);
    this.#events = new EventWrites(db);
    this.#sources = new SourceWrites(db, this.#events);
    this.#webhooks = new WebhookWrites(db);
  }

  apply(op: EventLogOp): EventLogResult {
    const value = this.#applied(op);
    return { value, end: this.#events.end() };
  }

  override commit(): void {
    this.#events.saveBytes();
    super.commit();
  }

  protected rolledBack(): void {
    this.#events.restoreBytes();
  }

  #applied(op: EventLogOp): EventLogResult['value'] {
    switch (op.type) {
      case 'append':
        return this.#events.append(...op.args);
      case 'beginRecording':
        return this.#events.beginRecording(...op.args);
      case 'endRecording':
        return this.#events.endRecording();
      case 'retain':
        return this.#events.retain(...op.args) || this.#sources.retain(...op.args);
      case 'recordPositions':
        return this.#sources.recordPositions(...op.args);
      case 'appendPositionEvents':
        return this.#sources.appendPositionEvents(...op.args);
      case 'recordPresence':
        return this.#sources.recordPresence(...op.args);
      case 'addEndpoint':
        return this.#webhooks.add(...op.args);
      case 'changeEndpoint':
        return this.#webhooks.change(...op.args);
      case 'removeEndpoint':
        return this.#webhooks.remove(...op.args);
      case 'replay':
        return this.#webhooks.replay(...op.args);
      case 'replayDead':
        return this.#webhooks.replayDead(...op.args);
      case 'settle':
        return this.#webhooks.settle(...op.args);
      case 'recordAttempts':
        return this.#webhooks.recordAttempts(...op.args);
      default:
        return unreachable(op);
    }
  }
}
