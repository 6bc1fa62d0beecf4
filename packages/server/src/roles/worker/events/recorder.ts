// Fills the event log: from the feed of the timeline, and from what was reported of positions and presence. Only while somebody wants
// events, in one process at a time; should there be two, one of them stores each page of the feed [W1].

import { type Clock, sleep, type Timer } from '@hongyan/base/clock';
import type { Log } from '@hongyan/base/log';
import { soon } from '@hongyan/base/soon';
import type { ConversationId, MsgId, Seq, UserId } from '@hongyan/protocol/ids';
import { isPrivateTimeline } from '@hongyan/protocol/private';
import { eventsOfEntry, type Lookups } from '../../../domain/event-of-entry.ts';
import type { Directory } from '../../../ports/directory/directory.ts';
import { type EventLog, FeedMoved, type NewEvent, type Position } from '../../../ports/event-log/event-log.ts';
import { recordingGap } from '../../../ports/event-log/source-events.ts';
import type { SessionRegistry } from '../../../ports/session-registry/session-registry.ts';
import { type Feed, UnknownPosition } from '../../../ports/timeline/feed.ts';
import type { StoredEntry, TimelineReads } from '../../../ports/timeline/timeline.ts';

export interface RecorderDeps {
  readonly feed: Feed;
  readonly timeline: Pick<TimelineReads, 'position' | 'messagesAt'>;
  readonly directory: Pick<Directory, 'getConversations'>;
  readonly registry: Pick<SessionRegistry, 'online'>;
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
/** Who was told to be online is compared with who is so often. */
const presenceEveryMs = 40_000;
/** A registry that lost what it knew has it again by then: only who is missing before and after it is told as offline. */
const presenceGraceMs = 20_000;
/** Users who are missing, of one comparison; the next one takes the others. */
const missingMax = 10_000;
const retainEveryMs = 60_000;
/** After a failure of a store. */
const retryMs = 1_000;

export class EventRecorder {
  readonly #deps: RecorderDeps;
  #running: Running | undefined;

  constructor(deps: RecorderDeps) {
    this.#deps = deps;
  }

  /** How far the feed was read; undefined while this process records nothing. */
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
}

/** From a start to a stop. */
class Running {
  readonly #log: EventLog;
  readonly #deps: RecorderDeps;
  readonly #stopping = new AbortController();
  #timers: readonly Timer[] = [];
  #following: Promise<void> = Promise.resolve();
  #telling: Promise<void> = Promise.resolve();
  #isTelling = false;
  #comparing: Promise<void> = Promise.resolve();
  #isComparing = false;
  /** Of the feed: what is before it is recorded. */
  position: Position | undefined;

  constructor(log: EventLog, deps: RecorderDeps) {
    this.#log = log;
    this.#deps = deps;
  }

  async start(): Promise<void> {
    const { clock } = this.#deps;
    await beginRecording(this.#log, this.#deps.timeline);
    const position = await this.#log.feedPosition();
    this.#following = this.#follow(position);
    this.#timers = [
      clock.every(tellEveryMs, () => this.#tick()),
      clock.every(retainEveryMs, () => void this.#retain()),
      clock.every(presenceEveryMs, () => this.#comparePresence()),
    ];
    void this.#retain();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    for (const timer of this.#timers) timer.cancel();
    await Promise.all([this.#following, this.#telling, this.#comparing]);
  }

  async #follow(begin: Position | undefined): Promise<void> {
    const { feed, clock } = this.#deps;
    const { signal } = this.#stopping;
    this.position = begin;
    while (!signal.aborted) {
      const { position } = this;
      try {
        if (position === undefined) {
          // Recording ended meanwhile: whoever ended it stops this too, or it has begun again.
          await sleep(clock, { delayMs: retryMs, signal });
          this.position = await this.#log.feedPosition();
          continue;
        }
        this.position = await this.#record(position);
        await feed.wait({ after: this.position, signal });
      } catch (error) {
        this.position = await this.#afterFailure(error, position);
        if (!(error instanceof FeedMoved)) await sleep(clock, { delayMs: retryMs, signal });
      }
    }
  }

  /** Where to go on: an append of unknown outcome may be stored, and another process may have recorded the page. */
  async #afterFailure(error: unknown, position: Position | undefined): Promise<Position | undefined> {
    if (error instanceof UnknownPosition) return this.#beginAfterReplacement(position);
    if (!(error instanceof FeedMoved)) this.#deps.log.error('failed to record events, retrying', { error });
    try {
      return await this.#log.feedPosition();
    } catch {
      // The next page fails the same way, and is logged.
      return position;
    }
  }

  /** One page of the feed, and its position, in one commit: a crash repeats both or neither. */
  async #record(after: Position): Promise<Position> {
    const page = await this.#deps.feed.read({ after, limit: pageSize });
    if (page.position === after) return after;
    const gap = page.hasGap ? [recordingGap('retention', this.#deps)] : [];
    const events = [...gap, ...(await this.#eventsOf(page.entries))];
    await this.#log.append({ events, feedPosition: page.position });
    return page.position;
  }

  /** The store of messages is another one, an older copy perhaps: what its feed has was told already, or never will be. */
  async #beginAfterReplacement(position: Position | undefined): Promise<Position | undefined> {
    const { timeline, log } = this.#deps;
    try {
      const feedPosition = await timeline.position();
      await this.#log.append({ events: [recordingGap('store_replaced', this.#deps)], feedPosition });
      log.warn('the message store was replaced: recording starts at its end', { position });
      return feedPosition;
    } catch (error) {
      log.error('failed to record events, retrying', { error });
      return position;
    }
  }

  async #eventsOf(entries: readonly StoredEntry[]): Promise<readonly NewEvent[]> {
    const lookups = await this.#lookups(entries.filter(({ conversationId }) => !isPrivateTimeline(conversationId)));
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

  #tick(): void {
    if (this.#isTelling) return;
    this.#isTelling = true;
    this.#telling = this.#tell().finally(() => {
      this.#isTelling = false;
    });
  }

  async #tell(): Promise<void> {
    const { clock, log } = this.#deps;
    try {
      while (await this.#log.appendPositionEvents({ atMs: clock.nowMs(), limit: tellSize }))
        await new Promise<void>(soon);
    } catch (error) {
      log.error('failed to record positions, retrying', { error });
    }
  }

  #comparePresence(): void {
    if (this.#isComparing) return;
    this.#isComparing = true;
    this.#comparing = this.#tellMissing()
      .catch((error: unknown) =>
        this.#deps.log.error('failed to record users who went offline in a crash, retrying', { error }),
      )
      .finally(() => {
        this.#isComparing = false;
      });
  }

  /** [W8] A process that died reported nobody's going. */
  async #tellMissing(): Promise<void> {
    const { clock, run } = this.#deps;
    const { signal } = this.#stopping;
    const missing = await this.#missing();
    if (missing.length === 0) return;
    await sleep(clock, { delayMs: presenceGraceMs, signal });
    for (let from = 0; from < missing.length && !signal.aborted; from += tellSize) {
      const atMs = clock.nowMs();
      const gone = await this.#offlineOf(missing.slice(from, from + tellSize));
      await this.#log.recordPresence(
        gone.map((userId) => ({ userId, isOnline: false, atMs })),
        run,
      );
    }
  }

  /** Who was told to be online, and is not. */
  async #missing(): Promise<readonly UserId[]> {
    const missing: UserId[] = [];
    for (let after: UserId | undefined; missing.length < missingMax && !this.#stopping.signal.aborted; ) {
      const users = await this.#log.reportedOnline({ after, limit: tellSize });
      missing.push(...(await this.#offlineOf(users)));
      after = users.at(-1);
      if (users.length < tellSize) break;
      await new Promise<void>(soon);
    }
    return missing;
  }

  async #offlineOf(users: readonly UserId[]): Promise<readonly UserId[]> {
    if (users.length === 0) return [];
    const online = await this.#deps.registry.online(users);
    return users.filter((userId) => !online.has(userId));
  }

  async #retain(): Promise<void> {
    const { clock, log, retention } = this.#deps;
    const { keptMs, bytesMax } = retention;
    try {
      while (await this.#log.retain({ beforeMs: clock.nowMs() - keptMs, bytesMax })) await new Promise<void>(soon);
    } catch (error) {
      log.error('failed to remove old events', { error });
    }
  }
}

/** Only what is committed from now on is an event; where something is recorded already, that goes on. */
export async function beginRecording(log: EventLog, timeline: Pick<TimelineReads, 'position'>): Promise<void> {
  if (!(await log.isRecording())) await log.beginRecording(await timeline.position());
}

const placeName = ({ conversationId, seq }: { readonly conversationId: ConversationId; readonly seq: Seq }): string =>
  `${conversationId} ${seq}`;
