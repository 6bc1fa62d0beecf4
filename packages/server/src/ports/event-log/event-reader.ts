// Reads a page of events after a position, and waits for the first event if there is none yet.

import type { Clock } from '@hongyan/base/clock';
import { ok } from '@hongyan/base/result';
import { soon } from '@hongyan/base/soon';
import type { EventType, WireEvent } from '@hongyan/protocol/events';
import { failure, type Result, refusal } from '@hongyan/protocol/refusals';
import { formatPosition, parsePosition } from '../timeline/position.ts';
import type { TimelineReads } from '../timeline/timeline.ts';
import type { EventLog, EventPage } from './event-log.ts';
import { EventView, gapEvent } from './event-view.ts';

export interface EventRequest {
  /** Default: before the oldest retained event. */
  readonly after?: string | undefined;
  readonly limit: number;
  readonly types?: readonly EventType[] | undefined;
  /** The maximum time to wait when there is no event. */
  readonly waitMs: number;
  readonly signal?: AbortSignal | undefined;
}

export interface PulledEvents {
  readonly events: WireEvent[];
  /** The `after` of the next request. */
  readonly position: string;
  readonly has_more: boolean;
}

export interface EventReaderDeps {
  readonly timeline: Pick<TimelineReads, 'messagesAt' | 'range'>;
  readonly clock: Clock;
  /** The maximum size of a message. The larger it is, the fewer events a page has. */
  readonly contentBytesMax: number;
}

/** The maximum number of waiting requests. Further ones fail as `overloaded`. */
const waitingMax = 1_000;
/** The maximum number of log pages that one request scans for its types. At the bound its result is empty with `has_more`. */
const lookedThroughMax = 20;
/** The maximum size of the contents of one page, all of which are in memory at once, here and in the gateway. */
const pageBytesMax = 32 * 1024 * 1024;

export class EventReader {
  readonly #log: EventLog;
  readonly #view: EventView;
  readonly #clock: Clock;
  readonly #pageMax: number;
  #waiting = 0;

  constructor(log: EventLog, { timeline, clock, contentBytesMax }: EventReaderDeps) {
    this.#log = log;
    this.#view = new EventView(log, timeline);
    this.#clock = clock;
    this.#pageMax = Math.max(1, Math.floor(pageBytesMax / contentBytesMax));
  }

  /** [W2] When events were removed before they were read, the first event of the page is events.gap. */
  async pull({ after, limit: wanted, types, waitMs, signal }: EventRequest): Promise<Result<PulledEvents>> {
    const { removedThrough, end } = await this.#log.ends();
    const begin = after === undefined ? removedThrough : parsePosition(this.#log.epoch, after);
    if (begin === undefined || begin > end) return refusal.foreignPosition();
    const limit = Math.min(wanted, this.#pageMax);
    const untilMs = this.#clock.monotonicMs() + waitMs;
    let page = await this.#read({ after: begin, limit, types });
    let lookedThrough = 0;
    while (page.events.length === 0 && !page.hasGap && signal?.aborted !== true) {
      if (!page.isAtEnd && ++lookedThrough === lookedThroughMax) break;
      if (page.isAtEnd) {
        const leftMs = untilMs - this.#clock.monotonicMs();
        if (leftMs <= 0) break;
        if (this.#waiting >= waitingMax) return failure.overloaded('waiting readers of events');
        await this.#wait(page.position, leftMs, signal);
      }
      page = await this.#read({ after: page.position, limit, types });
    }
    return ok(await this.#answer(page));
  }

  /** Yields to the event loop after a page without events, because a store in this process answers without yielding. */
  async #read(request: Parameters<EventLog['read']>[0]): Promise<EventPage> {
    const page = await this.#log.read(request);
    if (page.events.length === 0) await new Promise<void>(soon);
    return page;
  }

  async #answer({ events, position, isAtEnd, hasGap }: EventPage): Promise<PulledEvents> {
    const { removedThrough } = hasGap ? await this.#log.ends() : { removedThrough: 0 };
    const gap = hasGap ? [gapEvent(removedThrough, this.#clock.nowMs())] : [];
    return {
      events: [...(await this.#view.render([...gap, ...events]))],
      position: formatPosition(this.#log.epoch, position),
      has_more: !isAtEnd,
    };
  }

  async #wait(after: number, ms: number, signal: AbortSignal | undefined): Promise<void> {
    const ending = new AbortController();
    const end = () => ending.abort();
    const timer = this.#clock.after(ms, end);
    signal?.addEventListener('abort', end, { once: true });
    this.#waiting++;
    try {
      await this.#log.wait({ after, signal: ending.signal });
    } finally {
      this.#waiting--;
      timer.cancel();
      signal?.removeEventListener('abort', end);
    }
  }
}
