// A gateway process's client of the core: the Core interface and the event bus, over the link.

import type { Clock } from '@hongyan/base/clock';
import type { Log } from '@hongyan/base/log';
import type { Core } from '../../ports/core/core.ts';
import type { BusAttachment, BusEvent, BusListener, EventBus } from '../../ports/event-bus/event-bus.ts';
import { MemoryEventBus } from '../../ports/event-bus/memory-event-bus.ts';
import { ClientStream } from './client-stream.ts';
import { linkedCore } from './core-calls.ts';
import { fromEvent, toEvent } from './wire-values.ts';

export interface CoreClientOptions {
  readonly socketPath: string;
  /** The name of this gateway process, in the session registry and in the core's log. */
  readonly node: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly timeoutMs: number;
  readonly inFlightMax: number;
}

export class CoreClient {
  /** While the link is down, operations fail as `unavailable`; those that may have taken effect fail as `unknown_outcome`. */
  readonly core: Core;
  /** Calls `onLoss` of its listeners when the link is up again, and when the core dropped events. */
  readonly bus: EventBus;
  readonly #stream: ClientStream;

  /** Rejects when the first connection fails. Later the link reconnects by itself. */
  static async connect(options: CoreClientOptions): Promise<CoreClient> {
    const client = new CoreClient(options);
    await client.#stream.connect();
    return client;
  }

  private constructor(options: CoreClientOptions) {
    const local = new MemoryEventBus({
      onFirst: (topic) => this.#stream.follow(topic),
      onLast: (topic) => this.#stream.unfollow(topic),
    });
    this.#stream = new ClientStream({
      ...options,
      target: { type: 'socket', path: options.socketPath },
      onEvents: (events) => {
        for (const event of events) void local.publish(fromEvent(event));
      },
      onLoss: () => local.reportLoss(),
      topics: () => local.topics(),
    });
    this.bus = new LinkedBus(local, this.#stream);
    this.core = linkedCore({
      request: ({ body, bytes }) => this.#stream.request(body, bytes),
      isUp: () => this.#stream.isUp,
      namesSessions: true,
    });
  }

  get isUp(): boolean {
    return this.#stream.isUp;
  }

  /** Requests that the core has not answered yet. */
  get inFlightCount(): number {
    return this.#stream.inFlightCount;
  }

  /** The core then closes the sessions that were opened over the link. */
  close(): Promise<void> {
    return this.#stream.close();
  }
}

class LinkedBus implements EventBus {
  readonly #local: MemoryEventBus;
  readonly #stream: ClientStream;

  constructor(local: MemoryEventBus, stream: ClientStream) {
    this.#local = local;
    this.#stream = stream;
  }

  publish(events: readonly BusEvent[]): Promise<void> {
    return this.#stream.publish(events.map(toEvent));
  }

  attach(listener: BusListener): BusAttachment {
    return this.#local.attach(listener);
  }
}
