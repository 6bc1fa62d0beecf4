// Fills the event log: from the feed of the timeline, and from what the core reports of positions and presence. Only while somebody
// wants events; of several processes that record, one stores each page of the feed [W1].

import { assert } from '@hongyan/base/assert';
import { type Clock, sleep, type Timer } from '@hongyan/base/clock';
import type { Log } from '@hongyan/base/log';
import { soon } from '@hongyan/base/soon';
import type { ConversationId, MsgId, Seq } from '@hongyan/protocol/ids';
import { eventIdOf } from '../../../domain/event-id.ts';
import { eventsOfEntry, type Lookups } from '../../../domain/event-of-entry.ts';
import type { Directory } from '../../../ports/directory/directory.ts';
import {
  type EventLog,
  FeedMoved,
  type NewEvent,
  type Position,
  type PresenceChange,
  type ReportedPosition,
} from '../../../ports/event-log/event-log.ts';
import type { EventOutlet, RegisteredDevice } from '../../../ports/event-log/event-outlet.ts';
import { type Feed, UnknownPosition } from '../../../ports/timeline/feed.ts';
import type { StoredEntry, TimelineReads } from '../../../ports/timeline/timeline.ts';

export interface RecorderDeps {
  readonly feed: Feed;
  readonly timeline: Pick<TimelineReads, 'position' | 'messagesAt'>;
  readonly directory: Pick<Directory, 'getConversations'>;
  readonly clock: Clock;
  readonly log: Log;
  /** Names this life of the process. */
  readonly run: string;
  readonly retention: { readonly keptMs: number; readonly bytesMax: number };
}

/** Entries of one commit of the log. */
const pageSize = 500;
/** Positions that moved are told so often: what a user reads meanwhile is one event. */
const tellEveryMs = 500;
const tellSize = 500;
/** After a start, users who were online before it and have not come back by then are told as offline. */
const presenceGraceMs = 60_000;
const retainEveryMs = 60_000;
/** After a failure of a store. */
const retryMs = 1_000;

export class EventRecorder implements EventOutlet {
  readonly #deps: RecorderDeps;
  #running: Running | undefined;

  constructor(deps: RecorderDeps) {
    this.#deps = deps;
  }

  get isWanted(): boolean {
    return this.#running !== undefined;
  }

  /** How far the feed was read; undefined while nothing is recorded. */
  get position(): Position | undefined {
    return this.#running?.position;
  }

  /** What is committed after it resolves is recorded. Starting again changes nothing. */
  async start(log: EventLog): Promise<void> {
    if (this.#running) return;
    const running = new Running(log, this.#deps);
    this.#running = running;
    try {
      await running.start();
    } catch (error) {
      this.#running = undefined;
      throw error;
    }
  }

  /** Resolves when nothing is written any more. */
  async stop(): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    await running?.stop();
  }

  async positions(batch: readonly ReportedPosition[]): Promise<void> {
    await this.#running?.positions(batch);
  }

  presence(changes: readonly PresenceChange[]): void {
    void this.#running?.presence(changes);
  }

  async devices(registered: readonly RegisteredDevice[]): Promise<void> {
    await this.#running?.append(registered.map(deviceEvent));
  }
}

/** From a start to a stop. */
class Running {
  readonly #log: EventLog;
  readonly #deps: RecorderDeps;
  readonly #stopping = new AbortController();
  #timers: readonly Timer[] = [];
  #following: Promise<void> = Promise.resolve();
  /** Nothing to tell is what most ticks find. */
  #hasUntold = true;
  #telling: Promise<void> = Promise.resolve();
  #isTelling = false;
  /** Something could not be written down: it is told as a gap as soon as the log takes writes again. */
  #hasLost = false;
  /** Of the feed: what is before it is recorded. */
  position: Position | undefined;

  constructor(log: EventLog, deps: RecorderDeps) {
    this.#log = log;
    this.#deps = deps;
  }

  async start(): Promise<void> {
    const { clock } = this.#deps;
    const position = (await this.#log.feedPosition()) ?? (await this.#begin());
    this.#following = this.#follow(position);
    this.#timers = [
      clock.every(tellEveryMs, () => this.#tick()),
      clock.every(retainEveryMs, () => void this.#retain()),
      clock.after(presenceGraceMs, () => void this.#expirePresence()),
    ];
    void this.#retain();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    for (const timer of this.#timers) timer.cancel();
    await this.#following;
    await this.#telling;
  }

  append(events: readonly NewEvent[]): Promise<void> {
    return this.#log.append({ events });
  }

  async positions(batch: readonly ReportedPosition[]): Promise<void> {
    try {
      await this.#log.notePositions(batch);
      this.#hasUntold = true;
    } catch (error) {
      this.#lost('positions not noted for events', error);
    }
  }

  async presence(changes: readonly PresenceChange[]): Promise<void> {
    try {
      await this.#log.notePresence(changes, this.#deps.run);
    } catch (error) {
      this.#lost('presence not noted for events', error);
    }
  }

  /** Only what is committed from now on is an event. */
  async #begin(): Promise<Position> {
    const feedPosition = await this.#deps.timeline.position();
    await this.#log.append({ events: [], feedPosition });
    return feedPosition;
  }

  async #follow(begin: Position): Promise<void> {
    const { feed, clock } = this.#deps;
    const { signal } = this.#stopping;
    let position = begin;
    this.position = begin;
    while (!signal.aborted) {
      try {
        position = await this.#record(position);
        this.position = position;
        await feed.wait({ after: position, signal });
      } catch (error) {
        position = await this.#afterFailure(error, position);
        if (!(error instanceof FeedMoved)) await sleep(clock, { delayMs: retryMs, signal });
      }
    }
  }

  /** Where to go on: an append of unknown outcome may be stored, and another process may have recorded the page. */
  async #afterFailure(error: unknown, position: Position): Promise<Position> {
    if (error instanceof UnknownPosition) return this.#beginAfterReplacement(position);
    if (!(error instanceof FeedMoved)) this.#deps.log.error('events not recorded; trying again', { error });
    try {
      return (await this.#log.feedPosition()) ?? position;
    } catch {
      // The next page fails the same way, and is logged.
      return position;
    }
  }

  /** One page of the feed, and its position, in one commit: a crash repeats both or neither. */
  async #record(after: Position): Promise<Position> {
    const page = await this.#deps.feed.read({ after, limit: pageSize });
    if (page.position === after) return after;
    const gap = page.hasGap ? [this.#gap('retention')] : [];
    const events = [...gap, ...(await this.#eventsOf(page.entries))];
    await this.#log.append({ events, feedPosition: page.position });
    return page.position;
  }

  /** The store of messages is another one, an older copy perhaps: what its feed has was told already, or never will be. */
  async #beginAfterReplacement(position: Position): Promise<Position> {
    const { timeline, log } = this.#deps;
    try {
      const feedPosition = await timeline.position();
      await this.#log.append({ events: [this.#gap('store_replaced')], feedPosition });
      log.warn('the store of messages was replaced: events begin at its end', { position });
      return feedPosition;
    } catch (error) {
      log.error('events not recorded; trying again', { error });
      return position;
    }
  }

  async #eventsOf(entries: readonly StoredEntry[]): Promise<readonly NewEvent[]> {
    const lookups = await this.#lookups(entries.filter(({ conversationId }) => !conversationId.startsWith('u:')));
    return entries.flatMap((entry) => eventsOfEntry(entry, lookups));
  }

  async #lookups(entries: readonly StoredEntry[]): Promise<Lookups> {
    const targets = entries.flatMap(({ conversationId, targetSeq }) =>
      targetSeq === undefined ? [] : [{ conversationId, seq: targetSeq }],
    );
    // The entry of a creation names neither kind nor title.
    const created = entries.filter(({ isCounted, contentJson }) => !isCounted && contentJson.includes('"created"'));
    const { timeline, directory } = this.#deps;
    const [messages, conversations] = await Promise.all([
      targets.length === 0 ? [] : timeline.messagesAt(targets),
      created.length === 0
        ? undefined
        : directory.getConversations(created.map(({ conversationId }) => conversationId)),
    ]);
    const msgIds = new Map<string, MsgId>();
    for (const message of messages) if (message) msgIds.set(placeName(message), message.msgId);
    return {
      targetMsgId: (conversationId, seq) => msgIds.get(placeName({ conversationId, seq })),
      conversation: (conversationId) => conversations?.get(conversationId),
    };
  }

  #gap(reason: 'retention' | 'store_replaced' | 'not_recorded'): NewEvent {
    const atMs = this.#deps.clock.nowMs();
    const id = eventIdOf('events.gap', reason, atMs, this.#deps.run);
    return { id, type: 'events.gap', atMs, lane: 'gap', dataJson: JSON.stringify({ reason, timestamp: atMs }) };
  }

  #lost(what: string, error: unknown): void {
    if (!this.#hasLost) this.#deps.log.error(what, { error });
    this.#hasLost = true;
  }

  #tick(): void {
    if (this.#isTelling || (!this.#hasUntold && !this.#hasLost)) return;
    this.#isTelling = true;
    this.#telling = this.#tell().finally(() => {
      this.#isTelling = false;
    });
  }

  async #tell(): Promise<void> {
    const { clock, log } = this.#deps;
    try {
      if (this.#hasLost) {
        await this.#log.append({ events: [this.#gap('not_recorded')] });
        this.#hasLost = false;
      }
      this.#hasUntold = false;
      while (await this.#log.tellPositions({ atMs: clock.nowMs(), limit: tellSize })) await new Promise<void>(soon);
    } catch (error) {
      this.#hasUntold = true;
      log.error('positions not told; trying again', { error });
    }
  }

  async #expirePresence(): Promise<void> {
    const { clock, log, run } = this.#deps;
    try {
      while (await this.#log.expirePresence({ run, atMs: clock.nowMs(), limit: tellSize }))
        await new Promise<void>(soon);
    } catch (error) {
      log.error('users who left with a crash not told', { error });
    }
  }

  async #retain(): Promise<void> {
    const { clock, log, retention } = this.#deps;
    const { keptMs, bytesMax } = retention;
    try {
      while (await this.#log.retain({ beforeMs: clock.nowMs() - keptMs, bytesMax })) await new Promise<void>(soon);
    } catch (error) {
      log.error('old events not removed', { error });
    }
  }
}

const placeName = ({ conversationId, seq }: { readonly conversationId: ConversationId; readonly seq: Seq }): string =>
  `${conversationId} ${seq}`;

function deviceEvent({ deviceToken, model, firmware, atMs }: RegisteredDevice): NewEvent {
  assert(deviceToken.length > 0, 'a registered device has its token');
  const data = {
    device_token: deviceToken,
    ...(model === undefined ? {} : { model }),
    ...(firmware === undefined ? {} : { firmware }),
    timestamp: atMs,
  };
  return {
    id: eventIdOf('device.registered', deviceToken, atMs),
    type: 'device.registered',
    atMs,
    lane: `device ${deviceToken}`,
    dataJson: JSON.stringify(data),
  };
}
