// The listening process of bench/redis/bus.ts: says when it has subscribed, and at the end what it heard.

import { RedisEventBus } from '@hongyan/server/ports/event-bus/redis-event-bus';
import { type Heard, topics } from './bus.ts';
import { openClient, ownCpuS, surroundings } from './clients.ts';

const [keyPrefix = '', ...addresses] = process.argv.slice(2);
const client = await openClient(addresses, keyPrefix);
const bus = await RedisEventBus.open({ ...surroundings, client, busId: 'subscriber' });
const latenciesMs: number[] = [];
const attachment = bus.attach({
  onEvent(event) {
    if (event.type !== 'frame') return;
    const sentAtMs = Number(event.frame.slice(0, event.frame.indexOf(' ')));
    latenciesMs.push(performance.timeOrigin + performance.now() - sentAtMs);
  },
  onLoss: () => console.error('a loss was reported'),
});
await attachment.subscribe(topics);
const cpuBefore = ownCpuS();
console.log('subscribed');
await Bun.stdin.text();
await bus.settle();
const cpuS = ownCpuS() - cpuBefore;
latenciesMs.sort((one, other) => one - other);
const at = (share: number): number => latenciesMs[Math.floor(latenciesMs.length * share)] ?? 0;
const heard: Heard = { events: latenciesMs.length, p50Ms: at(0.5), p99Ms: at(0.99), cpuS };
console.log(JSON.stringify(heard));
process.exit(0);
