// Several processes that share the endpoints of one log: who has how many, what moves when one comes or leaves, and that nothing is sent
// twice by it.

import { afterAll, afterEach, beforeEach, expect, test } from 'bun:test';
import { systemClock } from '@hongyan/base/clock';
import { silentLog } from '@hongyan/base/log';
import { systemRandom } from '@hongyan/base/random';
import { StoreFailure } from '@hongyan/base/result';
import type { WireEvent } from '@hongyan/protocol/events';
import { Scratch, type ScratchDatabase } from '@hongyan/testing/scratch';
import { describeWith } from '@hongyan/testing/services';
import { until } from '@hongyan/testing/until';
import { formatSecret } from '../../../domain/webhook-signature.ts';
import type { EventLog } from '../../../ports/event-log/event-log.ts';
import { openMysqlEventLog } from '../../../ports/event-log/mysql-event-log.ts';
import type { OutboundResponse } from '../../../ports/outbound/outbound.ts';
import { EventSender } from './event-sender.ts';

const lanes = ['a', 'b', 'c'];

/** One request, to the endpoint of this name. */
interface Sent {
  readonly by: string;
  readonly to: string;
  readonly lane: string;
  readonly no: number;
}

describeWith(['mysql'], 'processes that share endpoints', (addresses) => {
  const scratch = new Scratch(addresses);
  let database: ScratchDatabase;
  let log: EventLog;
  let sent: Sent[];
  let answering: (sent: Sent) => OutboundResponse | Promise<OutboundResponse>;
  let processes: Process[];
  let count: number;
  beforeEach(async () => {
    database = await scratch.database(`events${crypto.randomUUID().slice(0, 6)}`);
    log = await openLog(database);
    [sent, processes, count] = [[], [], 0];
    answering = () => answered;
  });
  afterEach(async () => {
    await Promise.all(processes.map((process) => process.leave()));
    await log.close();
  });
  afterAll(() => scratch.remove());

  async function join(events: EventLog | undefined = undefined): Promise<Process> {
    const process = new Process(`worker ${processes.length}`, events ?? (await openLog(database)), async (one) => {
      const outcome = await answering(one);
      sent.push(one);
      return outcome;
    });
    processes.push(process);
    await process.sender.start(process.log);
    return process;
  }
  const add = async (...names: readonly string[]) => {
    for (const name of names) await log.addEndpoint(endpointAt(name, (await log.ends()).end));
  };
  /** One event of each lane. */
  async function append(): Promise<void> {
    count++;
    await log.append({
      events: lanes.map((lane) => ({
        ...{ id: `evt_${lane}_${count}`, type: 'user.online', atMs: Date.now(), lane },
        dataJson: JSON.stringify({ lane, no: count }),
      })),
    });
  }
  /** How many endpoints each process sends the next events to. */
  async function shares(): Promise<readonly number[]> {
    const from = sent.length;
    const endpoints = await log.endpoints();
    await append();
    await until(() => sent.filter(({ no }) => no === count).length >= endpoints.length * lanes.length);
    return processes.map(
      ({ name }) => new Set(sent.slice(from).flatMap(({ by, to }) => (by === name ? [to] : []))).size,
    );
  }
  const untilShares = (...expected: readonly number[]) =>
    until(async () => Bun.deepEquals(await shares(), expected), { what: `shares ${expected}` });

  test('[W4] each has its share, one that joins gets some and one that leaves gives all, and nothing is sent twice or out of order', async () => {
    await add('1', '2', '3', '4', '5', '6');
    await join();
    await untilShares(6);
    await join();
    await untilShares(3, 3);
    const third = await join();
    await untilShares(2, 2, 2);
    await third.leave();
    await untilShares(3, 3, 0);
    await processes[0]?.leave();
    await untilShares(0, 6, 0);
    for (const [place, ofLane] of Map.groupBy(sent, ({ to, lane }) => `${to} ${lane}`))
      expect({ place, nos: ofLane.map(({ no }) => no) }).toEqual({ place, nos: countTo(count) });
  }, 60_000);

  test('[W4] with fewer jobs than processes each does one at most, whoever comes moves none of them, and a lone endpoint is sent to beside the recorder', async () => {
    await add('1');
    await join();
    await untilShares(1);
    await join();
    await untilShares(0, 1);
    expect(processes.map(({ isRecording }) => isRecording)).toEqual([true, false]);
    await join();
    await add('2');
    await untilShares(0, 1, 1);
    const last = await join();
    await until(() => last.looks > 3);
    expect(await shares()).toEqual([0, 1, 1, 0]);
    // That of the lone endpoint, from the recorder to the second process.
    expect(processes.map(({ handedOver }) => handedOver)).toEqual([1, 0, 0, 0]);
    await log.removeEndpoint('wh_1');
    await log.removeEndpoint('wh_2');
    await until(() => processes.every(({ isRecording }) => !isRecording));
  }, 60_000);

  test('[W4] what was delivered while a request was under way is not sent again after a stop, which gave that one up', async () => {
    const held = Promise.withResolvers<OutboundResponse>();
    answering = ({ lane, by }) => (lane === 'a' && by === 'worker 0' ? held.promise : answered);
    await add('1');
    const first = await join();
    await append();
    await until(() => sent.length === 2);
    const stopped = first.sender.stop();
    held.resolve({ type: 'failed', error: 'aborted' });
    await stopped;
    await join();
    await append();
    const ofSecond = () => sent.filter(({ by }) => by === 'worker 1').map(({ lane, no }) => `${lane} ${no}`);
    await until(() => ['a 2', 'b 2', 'c 2'].every((one) => ofSecond().includes(one)));
    expect(ofSecond().toSorted()).toEqual(['a 1', 'a 2', 'b 2', 'c 2']);
  }, 60_000);

  test('[W4] an endpoint is handed over when the requests under way are answered, not before', async () => {
    const held = Promise.withResolvers<OutboundResponse>();
    answering = ({ lane, by }) => (lane === 'a' && by === 'worker 0' ? held.promise : answered);
    await add('1');
    await join();
    await append();
    await until(() => sent.length === 2);
    await join();
    await until(() => processes[0]?.handedOver === 1);
    await append();
    const other = processes[1] ?? missing();
    // It looks, and finds the endpoint held.
    const looked = other.looks + 2;
    await until(() => other.looks >= looked);
    expect(sent.map(({ by }) => by)).toEqual(['worker 0', 'worker 0']);
    held.resolve(answered);
    await until(() => sent.length === 6);
    expect(
      sent
        .slice(2)
        .map(({ by, lane, no }) => `${by} ${lane} ${no}`)
        .toSorted(),
    ).toEqual([...['worker 0 a 1', 'worker 1 a 2', 'worker 1 b 2', 'worker 1 c 2']]);
  }, 60_000);

  test('[W4] a claim whose deliveries could not begin is released, and made again', async () => {
    await add('1');
    const own = await openLog(database);
    let failures = 0;
    const failing = new Proxy(own, {
      get(_, name) {
        if (name === 'parked' && failures++ < 1) return () => Promise.reject(new StoreFailure('unavailable', 'a test'));
        const value = Reflect.get(own, name);
        return typeof value === 'function' ? value.bind(own) : value;
      },
    });
    await join(failing);
    await untilShares(1);
    expect(failures).toBeGreaterThan(1);
  }, 60_000);

  test('[W5] an endpoint that the log cannot disable yet is disabled when it can, and gets nothing more', async () => {
    await add('1');
    const own = await openLog(database);
    let failures = 0;
    const failing = new Proxy(own, {
      get(_, name) {
        if (name === 'changeEndpoint' && failures++ < 1)
          return () => Promise.reject(new StoreFailure('unavailable', 'a test'));
        const value = Reflect.get(own, name);
        return typeof value === 'function' ? value.bind(own) : value;
      },
    });
    answering = () => ({ ...answered, status: 410 });
    await join(failing);
    await append();
    await until(async () => (await log.endpoints()).every(({ isEnabled }) => !isEnabled));
    expect(failures).toBe(2);
    // At most one of each lane was under way.
    expect(sent.length).toBeLessThanOrEqual(lanes.length);
  }, 60_000);

  test('[W4] a stop that comes during a start ends what the start begins', async () => {
    await add('1');
    const own = await openLog(database);
    const asked = Promise.withResolvers<void>();
    const held = Promise.withResolvers<void>();
    const holding = new Proxy(own, {
      get(_, name) {
        const value = Reflect.get(own, name);
        if (typeof value !== 'function') return value;
        if (name !== 'endpoints') return value.bind(own);
        return async () => {
          asked.resolve();
          await held.promise;
          return own.endpoints();
        };
      },
    });
    const started = join(holding);
    await asked.promise;
    const stopped = processes[0]?.sender.stop();
    held.resolve();
    await Promise.all([started, stopped]);
    expect(processes[0]?.isRecording).toBe(false);
    await join();
    await untilShares(0, 1);
  }, 60_000);
});

class Process {
  readonly name: string;
  readonly log: EventLog;
  readonly sender: EventSender;
  isRecording = false;
  /** How often it gave an endpoint to others, and how often it looked for what it has to do. */
  handedOver = 0;
  looks = 0;
  #leaving: Promise<void> | undefined;

  constructor(name: string, log: EventLog, post: (sent: Sent) => Promise<OutboundResponse>) {
    this.name = name;
    this.log = log;
    const workers = log.workers.bind(log);
    log.workers = () => {
      this.looks++;
      return workers();
    };
    this.sender = new EventSender({
      ...{ worker: name, clock: systemClock, random: systemRandom, onAttempt: () => {} },
      log: {
        ...silentLog,
        info: (line) => {
          if (line === 'handing a webhook endpoint over to another worker') this.handedOver++;
        },
      },
      ...{ timeoutMs: 10_000, version: '0', isPulled: false },
      rules: { concurrency: 4, retry: { baseMs: 10, attemptsMax: 5 }, waitingMax: 100, giveUpMs: 3_600_000 },
      timeline: { messagesAt: async () => [], range: () => Promise.reject(new Error('these events have no entries')) },
      recorder: {
        start: async () => {
          this.isRecording = true;
        },
        stop: async () => {
          this.isRecording = false;
        },
      },
      outbound: {
        refusalOf: () => undefined,
        post: ({ url, body }) => {
          const { data } = JSON.parse(body) as WireEvent;
          return post({ by: name, to: new URL(url).pathname, lane: String(data.lane), no: Number(data.no) });
        },
      },
    });
  }

  leave(): Promise<void> {
    this.#leaving ??= this.sender.drain().then(() => this.log.close());
    return this.#leaving;
  }
}

function missing(): never {
  throw new Error('it joined');
}

const answered: OutboundResponse = { type: 'answered', status: 200, retryAfter: null, body: '', isCut: false };
const countTo = (last: number) => Array.from({ length: last }, (_, index) => index + 1);
const openLog = (mysql: ScratchDatabase): Promise<EventLog> =>
  openMysqlEventLog({ mysql, queueMax: 10_000, batchMax: 1_000, clock: systemClock, random: Math.random });
const endpointAt = (name: string, cursor: number) => ({
  ...{
    id: `wh_${name}`,
    url: `https://hooks.example.org/${name}`,
    types: [],
    secret: formatSecret(new Uint8Array(32)),
  },
  ...{ oldSecret: undefined, isEnabled: true, disabledReason: '', createdAtMs: 1 },
  progress: { cursor, failures: 0, failingSinceMs: 0, pausedUntilMs: 0 },
});
