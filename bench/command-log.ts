// What a command costs on its way through a cluster's log: submitted here, produced to Kafka, handled by a core in a process of its own,
// committed to MySQL with the partition's position, answered over Redis. On the servers of tools/services.
// bun bench/command-log.ts [--seconds n]

import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { systemClock } from '@hongyan/base/clock';
import { silentLog } from '@hongyan/base/log';
import type { ClientMsgId, ConversationId, MsgId, UserId } from '@hongyan/protocol/ids';
import { RedisClient } from '@hongyan/server/adapters/redis/redis-client';
import { redisDefaults } from '@hongyan/server/adapters/redis/redis-options';
import { ensureCommandsTopic, KafkaCommandProducer } from '@hongyan/server/ports/command-log/kafka-command-log';
import { RedisEventBus } from '@hongyan/server/ports/event-bus/redis-event-bus';
import { Scratch } from '@hongyan/testing/scratch';
import { ServiceSet } from '@hongyan/testing/services/service-set';
import { servicesFolder } from '@hongyan/testing/services/state';
import { machine } from './report.ts';

const partitions = 12;
const conversations = 1_000;
const users = 500;
const inFlightMax = 2_000;
const warmUpS = 2;

interface Load {
  readonly name: string;
  /** undefined: as many as are answered, `inFlightMax` at once. */
  readonly perS?: number;
}

const loads: readonly Load[] = [
  { name: '1,000/s', perS: 1_000 },
  { name: '2,000/s', perS: 2_000 },
  { name: '5,000/s', perS: 5_000 },
  { name: `${inFlightMax.toLocaleString('en')} at once` },
];

/** Of the next command. */
let number = 0;

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '10' } } });
const addresses = ServiceSet.open(servicesFolder())?.addresses;
if (!addresses?.kafka || !addresses.redis || !addresses.mysql) throw new Error('run tools/services up first');
const scratch = new Scratch(addresses);
const { prefix } = scratch;
const kafka = { brokers: addresses.kafka.brokers, clientId: 'bench', prefix: `${prefix}.` };
await ensureCommandsTopic(kafka, { partitions, contentBytesMax: 32_768, log: silentLog });
const given = {
  ...{ brokers: kafka.brokers, redis: addresses.redis.address, prefix, sessionTimeoutMs: 6_000 },
  database: await scratch.database('timeline'),
};
const core = Bun.spawn(
  [process.execPath, join(import.meta.dir, '../tests/faults/command-core.ts'), JSON.stringify(given)],
  {
    stdout: 'pipe',
  },
);
const lines = linesOf(core.stdout);
await lineOf('ready');
const surroundings = { clock: systemClock, log: silentLog };
const client = await RedisClient.open(
  { ...redisDefaults, keyPrefix: `${prefix}:`, addresses: [given.redis] },
  surroundings,
);
const bus = await RedisEventBus.open({ ...surroundings, client, busId: 'bench' });
const producer = new KafkaCommandProducer({
  ...{ kafka, bus, ...surroundings, node: crypto.randomUUID(), outcomeTimeoutMs: 30_000 },
  ...{ queueMax: 100_000, queuePerUserMax: 10_000, queueBytesMax: 2 ** 28 },
  onLate: () => {},
  newRecordId: () => crypto.randomUUID() as MsgId,
});
await producer.start();
console.log(machine());
console.log('| load | rate | p50 / p99 ms | submitter µs | core µs | failed |\n|---|---|---|---|---|---|');
await run({ name: 'warm-up', perS: 500 }, warmUpS);
for (const load of loads) console.log(await run(load, Number(values.seconds)));
await producer.drain();
core.kill('SIGTERM');
await core.exited;
bus.close();
await client.close();
await scratch.remove();

async function run({ name, perS }: Load, seconds: number): Promise<string> {
  const latencies: number[] = [];
  let failed = 0;
  const submit = async (dueMs: number) => {
    const at = number++;
    const outcome = await producer.submit({
      type: 'message',
      ...{ conversationId: `g:${at % conversations}` as ConversationId, from: `user${at % users}` as UserId },
      ...{
        clientMsgId: crypto.randomUUID() as ClientMsgId,
        contentJson: '{"type":"text","text":"as long as many messages are"}',
      },
    });
    if (outcome.type === 'ok') latencies.push(performance.now() - dueMs);
    else failed++;
  };
  const [startMs, coreStart, ownStart] = [performance.now(), await cpuOfCore(), process.cpuUsage()];
  const endMs = startMs + seconds * 1_000;
  if (perS === undefined) await Promise.all(Array.from({ length: inFlightMax }, () => untilOver(submit, endMs)));
  else await atRate(submit, { perS, startMs, endMs });
  const { user, system } = process.cpuUsage(ownStart);
  const elapsedS = (performance.now() - startMs) / 1_000;
  const count = latencies.length;
  latencies.sort((a, b) => a - b);
  const at = (share: number) => (latencies[Math.floor(count * share)] ?? Number.NaN).toFixed(1);
  const cost = (cpuUs: number) => Math.round(cpuUs / count);
  return `| ${name} | ${Math.round(count / elapsedS)}/s | ${at(0.5)} / ${at(0.99)} | ${cost(user + system)} | ${cost((await cpuOfCore()) - coreStart)} | ${failed} |`;
}

async function untilOver(submit: (dueMs: number) => Promise<void>, endMs: number): Promise<void> {
  for (;;) {
    const nowMs = performance.now();
    if (nowMs >= endMs) return;
    await submit(nowMs);
  }
}

/** Latency counts from when a command was due. */
async function atRate(
  submit: (dueMs: number) => Promise<void>,
  { perS, startMs, endMs }: { readonly perS: number; readonly startMs: number; readonly endMs: number },
): Promise<void> {
  const all: Promise<void>[] = [];
  for (let dueMs = startMs; dueMs < endMs; ) {
    for (; dueMs <= performance.now() && dueMs < endMs; dueMs += 1_000 / perS) all.push(submit(dueMs));
    await Bun.sleep(1);
  }
  await Promise.all(all);
}

async function cpuOfCore(): Promise<number> {
  core.kill('SIGUSR2');
  return Number((await lineOf('cpu ')).slice(4));
}

/** The next line of the core that begins so. */
async function lineOf(start: string): Promise<string> {
  for (;;) {
    const { value: line } = await lines.next();
    if (line === undefined) throw new Error('the core ended');
    if (line.startsWith(start)) return line;
  }
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string, undefined> {
  const decoder = new TextDecoder();
  for await (const bytes of stream) yield* decoder.decode(bytes).split('\n');
  return undefined;
}
