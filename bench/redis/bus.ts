// Events through the bus: one process publishes, another one subscribes.

import type { UserId } from '@hongyan/protocol/ids';
import { type Topic, userTopic } from '@hongyan/server/ports/event-bus/event-bus';
import { RedisEventBus } from '@hongyan/server/ports/event-bus/redis-event-bus';
import { openClient, ownCpuS, type Servers, serverWork, surroundings } from './clients.ts';

const topicCount = 1_000;
/** As a message of a few words travels. */
const frameCharacters = 300;
/** Published in one turn of the event loop, where the rate is not the question. */
const burst = 100;

export const topics: readonly Topic[] = Array.from({ length: topicCount }, (_, no) => userTopic(`user${no}` as UserId));

/** What the subscriber found, as it writes it. */
export interface Heard {
  readonly events: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly cpuS: number;
}

export async function measureBus(servers: Servers, seconds: number): Promise<void> {
  console.log('| bus | events/s | p50 ms | p99 ms | publisher µs | subscriber µs | Redis µs |');
  console.log('|---|---|---|---|---|---|---|');
  for (const [name, addresses] of Object.entries(servers))
    for (const perS of [1_000, 10_000, undefined]) await measure({ name, addresses, perS, seconds });
  console.log();
}

interface Run {
  readonly name: string;
  readonly addresses: readonly string[];
  /** Absent: as many as are accepted, 100 at a time. */
  readonly perS: number | undefined;
  readonly seconds: number;
}

async function measure({ name, addresses, perS, seconds }: Run): Promise<void> {
  const keyPrefix = `bench-${crypto.randomUUID()}:`;
  const subscriber = Bun.spawn(['bun', `${import.meta.dir}/bus-subscriber.ts`, keyPrefix, ...addresses], {
    stdin: 'pipe',
    stdout: 'pipe',
  });
  const lines = linesOf(subscriber.stdout);
  await lines.next();
  const client = await openClient(addresses, keyPrefix);
  const bus = await RedisEventBus.open({ ...surroundings, client, busId: 'publisher' });
  const [serverBefore, cpuBefore] = [await serverWork(addresses), ownCpuS()];
  const published = perS === undefined ? await publishAll(bus, seconds) : await publishAt(bus, perS, seconds);
  const cpuS = ownCpuS() - cpuBefore;
  subscriber.stdin.write('end\n');
  await subscriber.stdin.end();
  const heard = JSON.parse((await lines.next()).value ?? '') as Heard;
  const serverCpuS = (await serverWork(addresses)).cpuS - serverBefore.cpuS;
  const us = (own: number) => ((own * 1e6) / published).toFixed(1);
  const rate = `${Math.round(published / seconds)}${heard.events === published ? '' : ` (${heard.events} heard)`}`;
  const { p50Ms, p99Ms } = heard;
  console.log(
    `| ${name} | ${rate} | ${p50Ms.toFixed(1)} | ${p99Ms.toFixed(1)} | ${us(cpuS)} | ${us(heard.cpuS)} | ${us(serverCpuS)} |`,
  );
  bus.close();
  await client.close();
}

async function publishAt(bus: RedisEventBus, perS: number, seconds: number): Promise<number> {
  const startMs = performance.now();
  let published = 0;
  for (;;) {
    const dueCount = Math.min(((performance.now() - startMs) / 1000) * perS, perS * seconds);
    while (published < dueCount) void publishOne(bus, published++);
    if (published >= perS * seconds) break;
    await Bun.sleep(1);
  }
  await Bun.sleep(500);
  return published;
}

async function publishAll(bus: RedisEventBus, seconds: number): Promise<number> {
  const endMs = performance.now() + seconds * 1000;
  let published = 0;
  const publishOn = async () => {
    while (performance.now() < endMs)
      await Promise.all(Array.from({ length: burst }, () => publishOne(bus, published++)));
  };
  await Promise.all([publishOn(), publishOn(), publishOn(), publishOn()]);
  return published;
}

function publishOne(bus: RedisEventBus, no: number): Promise<void> {
  const sentAtMs = performance.timeOrigin + performance.now();
  const topic = topics[(no * 7919) % topicCount] as Topic;
  return bus.publish([{ type: 'frame', topic, frame: `${sentAtMs} `.padEnd(frameCharacters, 'x') }]);
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const bytes of stream) {
    rest += decoder.decode(bytes, { stream: true });
    for (let end = rest.indexOf('\n'); end >= 0; end = rest.indexOf('\n')) {
      yield rest.slice(0, end);
      rest = rest.slice(end + 1);
    }
  }
}
