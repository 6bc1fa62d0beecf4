// Events out of a cluster's stores: the recorder, webhooks and pulling readers on a timeline and an event log in MySQL.

import { afterAll, afterEach, beforeAll, expect, test } from 'bun:test';
import { systemClock } from '@hongyan/base/clock';
import { silentLog } from '@hongyan/base/log';
import { systemRandom } from '@hongyan/base/random';
import type { WireEvent } from '@hongyan/protocol/events';
import { Scratch, type ScratchDatabase } from '@hongyan/testing/scratch';
import { describeWith } from '@hongyan/testing/services';
import { until } from '@hongyan/testing/until';
import type { EventLog } from '../../../ports/event-log/event-log.ts';
import { EventReader } from '../../../ports/event-log/event-reader.ts';
import { openMysqlEventLog } from '../../../ports/event-log/mysql-event-log.ts';
import type { OutboundRequest } from '../../../ports/outbound/outbound.ts';
import { TimelineDatabase } from '../../../ports/timeline/mysql/testing/timeline-database.ts';
import type { MysqlTimelineStore } from '../../../ports/timeline/mysql-timeline.ts';
import { entry } from '../../../ports/timeline/testing/entries.ts';
import { EventSender } from './event-sender.ts';
import { EventRecorder } from './recorder.ts';
import { Webhooks } from './webhooks.ts';

/** Entries of these tests are of years ago. */
const retention = { keptMs: 1e13, bytesMax: 1e9 };
const rules = { concurrency: 4, retry: { baseMs: 10, attemptsMax: 5 }, waitingMax: 100, giveUpMs: 3_600_000 };

/** One process with all that sends events out. */
class Worker {
  readonly log: EventLog;
  readonly sender: EventSender;
  readonly webhooks: Webhooks;
  readonly reader: EventReader;
  /** Texts that the endpoint was sent, in their order. */
  readonly sent: string[] = [];
  /** What the endpoint answers. */
  status = 200;

  static async start(timeline: MysqlTimelineStore, mysql: ScratchDatabase): Promise<Worker> {
    const [clock, random] = [systemClock, systemRandom];
    const log = await openMysqlEventLog({ mysql, queueMax: 1_000, batchMax: 100, clock, random });
    const worker = new Worker(timeline, log);
    await worker.webhooks.start();
    await worker.sender.start(log);
    return worker;
  }

  private constructor(timeline: MysqlTimelineStore, log: EventLog) {
    this.log = log;
    const recorder = new EventRecorder({
      ...{ feed: timeline.feed, timeline, clock: systemClock, log: silentLog, retention },
      directory: { getConversations: async () => new Map() },
      registry: { online: async () => new Map() },
      run: crypto.randomUUID(),
    });
    const outgoing = {
      ...{ timeline, clock: systemClock, timeoutMs: 1_000, version: '0', isPulled: true },
      outbound: {
        refusalOf: () => undefined,
        post: async ({ body }: OutboundRequest) => this.#receive(JSON.parse(body)),
      },
    };
    this.sender = new EventSender({
      ...{ ...outgoing, recorder, rules, log: silentLog, random: systemRandom, onAttempt: () => {} },
      worker: crypto.randomUUID(),
    });
    this.webhooks = new Webhooks({
      ...{ ...outgoing, openLog: async () => log, noticedWithinMs: 0 },
      newKey: (bytes) => crypto.getRandomValues(new Uint8Array(bytes)),
    });
    this.reader = new EventReader(log, { timeline, clock: systemClock, contentBytesMax: 32_768 });
  }

  async stop(): Promise<void> {
    await this.sender.stop();
    await this.log.close();
  }

  #receive({ data }: WireEvent) {
    if (this.status === 200) this.sent.push(textOf(data));
    return { type: 'answered', status: this.status, retryAfter: null, body: '', isCut: false } as const;
  }
}

const textOf = (data: WireEvent['data']): string => (data.content as { text?: string } | undefined)?.text ?? '?';
const message = (text: string) => entry({ in: 'g:1', content: JSON.stringify({ type: 'text', text }) });

describeWith(['mysql'], 'events of a cluster', (addresses) => {
  const scratch = new Scratch(addresses);
  const workers: Worker[] = [];
  let stored: TimelineDatabase;
  let timeline: MysqlTimelineStore;
  let database: ScratchDatabase;
  beforeAll(async () => {
    stored = await TimelineDatabase.make(addresses);
    timeline = await stored.open();
    database = await scratch.database('events');
  });
  afterEach(() => Promise.all(workers.splice(0).map((worker) => worker.stop())));
  afterAll(() => Promise.all([stored.remove(), scratch.remove()]));

  async function start(): Promise<Worker> {
    const worker = await Worker.start(timeline, database);
    workers.push(worker);
    return worker;
  }
  async function restart(worker: Worker): Promise<Worker> {
    await worker.stop();
    workers.splice(workers.indexOf(worker), 1);
    return start();
  }

  test('[W1, W4, W10] what is committed is sent and pulled once, in order, with its text, also across restarts', async () => {
    let worker = await start();
    const added = await worker.webhooks.add({ url: 'https://hooks.example.org/', types: ['message.created'] });
    expect(added.type).toBe('ok');
    const sent: string[] = [];
    const texts = Array.from({ length: 30 }, (_, index) => `message ${index}`);
    for (const [index, text] of texts.entries()) {
      await timeline.append([message(text)]);
      if (index % 10 !== 5) continue;
      await until(() => worker.sent.includes(text));
      sent.push(...worker.sent);
      // What is committed while nobody records is recorded after the next start.
      worker = await restart(worker);
    }
    await until(() => worker.sent.includes('message 29'));
    expect([...sent, ...worker.sent]).toEqual(texts);
    const pulled = await worker.reader.pull({ limit: 100, types: ['message.created'], waitMs: 0 });
    if (pulled.type !== 'ok') throw new Error('nothing was pulled');
    expect(pulled.value.events.map(({ data }) => textOf(data))).toEqual(texts);
    const waiting = worker.reader.pull({ after: pulled.value.position, limit: 9, waitMs: 20_000 });
    await timeline.append([message('late')]);
    expect(await waiting).toMatchObject({ type: 'ok', value: { events: [{ data: { content: { text: 'late' } } }] } });
  }, 60_000);

  test('[W5] what an endpoint refused is tried again, and after a restart too', async () => {
    let worker = await start();
    await worker.webhooks.add({ url: 'https://hooks.example.org/', types: [] });
    worker.status = 503;
    await timeline.append([message('refused')]);
    const [endpoint] = (await worker.webhooks.list()).slice(-1);
    await until(async () => (await worker.log.attempts(endpoint?.endpoint.id ?? '', 9)).length > 0);
    worker = await restart(worker);
    await until(() => worker.sent.includes('refused'));
  }, 60_000);

  test('[W1] of two processes that record at once every event is stored once, and one goes on when the other ends', async () => {
    const [one, other] = [await start(), await start()];
    const { end } = await one.log.ends();
    const texts = Array.from({ length: 40 }, (_, index) => `both ${index}`);
    for (const [index, text] of texts.entries()) {
      await timeline.append([message(text)]);
      if (index !== 25) continue;
      workers.splice(workers.indexOf(other), 1);
      await other.stop();
    }
    await until(async () => (await one.log.ends()).end >= end + texts.length);
    const { events } = await one.log.read({ after: end, limit: 1_000, types: ['message.created'] });
    expect(new Set(events.map(({ id }) => id)).size).toBe(texts.length);
    expect(events.length).toBe(texts.length);
  }, 60_000);
});
