// Loads an event bus and checks what it promises: each event that did not arrive was reported as a possible loss after it was
// published, and the events of a topic arrive in their order.

import type { UserId } from '@hongyan/protocol/ids';
import { type BusEvent, type EventBus, type Topic, userTopic } from '@hongyan/server/ports/event-bus/event-bus';
import { until } from '@hongyan/testing/until';

const reportWithinMs = 3_000;

interface Track {
  readonly topic: Topic;
  /** When each event was published, by its number. */
  readonly publishedAtMs: number[];
  readonly received: Set<number>;
  newest: number;
  lostAtMs: number;
}

export class BusChecker {
  readonly #from: EventBus;
  readonly #to: EventBus;
  readonly #tracks: ReadonlyMap<Topic, Track>;
  readonly #problems: string[] = [];
  #isRunning = true;
  #running: Promise<void> | undefined;
  losses = 0;
  rejected = 0;

  constructor({ from, to, topicCount = 60 }: { from: EventBus; to: EventBus; topicCount?: number }) {
    this.#from = from;
    this.#to = to;
    const topics = Array.from({ length: topicCount }, (_, index) => userTopic(`user ${index}` as UserId));
    this.#tracks = new Map(
      topics.map((topic) => [topic, { topic, publishedAtMs: [], received: new Set(), newest: -1, lostAtMs: -1 }]),
    );
  }

  async start(): Promise<void> {
    const attachment = this.#to.attach({
      onEvent: (event) => this.#onEvent(event),
      onLoss: (topics = [...this.#tracks.keys()]) => this.#onLoss(topics),
    });
    await attachment.subscribe([...this.#tracks.keys()]);
    this.#running = this.#publishOn();
  }

  /** Resolves with the milliseconds until every topic has delivered an event that was published from now on. */
  async heardAgain(what: string): Promise<number> {
    const sinceMs = performance.now();
    const heard = ({ publishedAtMs, newest }: Track) => (publishedAtMs[newest] ?? -1) >= sinceMs;
    await until(() => [...this.#tracks.values()].every(heard), { withinMs: 30_000, what });
    return performance.now() - sinceMs;
  }

  /** Ends the load. Resolves with what was promised and did not hold. */
  async finish(): Promise<readonly string[]> {
    this.#isRunning = false;
    await this.#running;
    await this.#hearLast();
    // A report may come behind events that were published after it.
    await until(() => this.#unreported().length === 0, { withinMs: reportWithinMs }).catch(() => undefined);
    return [...this.#problems, ...this.#unreported()];
  }

  #unreported(): readonly string[] {
    return [...this.#tracks.values()].flatMap(({ topic, publishedAtMs, received, lostAtMs }) => {
      const missing = publishedAtMs.findLastIndex((atMs, number) => !received.has(number) && atMs > lostAtMs);
      return missing < 0 ? [] : [`${topic}: event ${missing} is missing, and no loss was reported after it`];
    });
  }

  get summary(): string {
    let [published, missing] = [0, 0];
    for (const { publishedAtMs, received } of this.#tracks.values()) {
      published += publishedAtMs.length;
      missing += publishedAtMs.length - received.size;
    }
    return `${published} published, ${this.rejected} calls rejected, ${missing} missing, ${this.losses} losses reported`;
  }

  /** One more event of each topic, so that whatever was under way before it has arrived or never will. */
  async #hearLast(): Promise<void> {
    const heard = this.heardAgain('the last events');
    let isHeard = false;
    void heard.then(() => {
      isHeard = true;
    });
    while (!isHeard) {
      await this.#publishOnce();
      await Promise.race([heard, Bun.sleep(100)]);
    }
  }

  async #publishOn(): Promise<void> {
    while (this.#isRunning) {
      void this.#publishOnce();
      await Bun.sleep(5);
    }
  }

  /** Two events for each of the topics, by two calls that are not awaited. */
  async #publishOnce(): Promise<void> {
    for (let call = 0; call < 2; call++) {
      const events: BusEvent[] = [];
      for (const { topic, publishedAtMs } of this.#tracks.values()) {
        events.push({ type: 'frame', topic, frame: String(publishedAtMs.length) });
        publishedAtMs.push(performance.now());
      }
      this.#from.publish(events).catch(() => this.rejected++);
    }
  }

  #onEvent(event: BusEvent): void {
    const track = this.#tracks.get(event.topic);
    if (track === undefined || event.type !== 'frame') return;
    const number = Number(event.frame);
    if (number < track.newest && !track.received.has(number))
      this.#problems.push(`${event.topic}: event ${number} arrived for the first time after ${track.newest}`);
    track.received.add(number);
    track.newest = Math.max(track.newest, number);
  }

  #onLoss(topics: readonly Topic[]): void {
    this.losses++;
    for (const topic of topics) {
      const track = this.#tracks.get(topic);
      if (track !== undefined) track.lostAtMs = performance.now();
    }
  }
}
