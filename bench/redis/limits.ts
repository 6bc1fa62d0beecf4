// Draws of a Zipf population on the limiter: how many a process decides a second, and how many commands of Redis they take.

import { RedisRateLimiter } from '@hongyan/server/ports/rate-limiter/redis-rate-limiter';
import { openClient, ownCpuS, type Servers, serverWork, surroundings } from './clients.ts';

const userCount = 10_000;
const skew = 1.1;
/** Draws that wait for an answer at the same time. */
const workers = 256;
/** The tier that everyone has by default, and one whose users are hardly ever refused. */
const rates = {
  'free tier (10/s, 20 at once)': { perS: 10, burst: 20 },
  '1,000/s, 2,000 at once': { perS: 1_000, burst: 2_000 },
};

export async function measureLimits(servers: Servers, seconds: number): Promise<void> {
  console.log('| limiter | rate of each user | leases | draws/s | taken | commands per draw | process µs | Redis µs |');
  console.log('|---|---|---|---|---|---|---|---|');
  for (const [name, addresses] of Object.entries(servers))
    for (const rateName of Object.keys(rates) as (keyof typeof rates)[])
      for (const hasLeases of [false, true]) await measure({ name, addresses, rateName, hasLeases, seconds });
  console.log();
}

interface Run {
  readonly name: string;
  readonly addresses: readonly string[];
  readonly rateName: keyof typeof rates;
  readonly hasLeases: boolean;
  readonly seconds: number;
}

async function measure({ name, addresses, rateName, hasLeases, seconds }: Run): Promise<void> {
  const client = await openClient(addresses, `bench-${crypto.randomUUID()}:`);
  const limiter = new RedisRateLimiter({
    ...{ ...surroundings, client, name: 'bench', holder: 'bench', bucketsMax: 100_000 },
    hasLeases,
  });
  const rate = rates[rateName];
  const userOf = zipf();
  const [serverBefore, cpuBefore, startMs] = [await serverWork(addresses), ownCpuS(), performance.now()];
  let [draws, taken] = [0, 0];
  const drawOn = async () => {
    while (performance.now() < startMs + seconds * 1000) {
      // A request or two of each turn: what is decided at once must not keep the others from being answered.
      for (let count = 0; count < 2; count++) {
        const answer = await limiter.draw({ key: userOf(), rate, cost: 1 });
        draws++;
        if (answer.type === 'taken') taken++;
      }
      await new Promise<void>((resolve) => {
        setImmediate(resolve);
      });
    }
  };
  await Promise.all(Array.from({ length: workers }, drawOn));
  const cpuUs = ((ownCpuS() - cpuBefore) * 1e6) / draws;
  const serverUs = (((await serverWork(addresses)).cpuS - serverBefore.cpuS) * 1e6) / draws;
  const share = `${Math.round((taken / draws) * 100)} %`;
  const commands = (limiter.questionCount / draws).toFixed(3);
  console.log(
    `| ${name} | ${rateName} | ${hasLeases ? 'yes' : 'no'} | ${Math.round(draws / seconds)} | ${share} | ${commands} | ${cpuUs.toFixed(1)} | ${serverUs.toFixed(1)} |`,
  );
  await limiter.close();
  await client.close();
}

/** Draws users, the first ones far more often than the last. */
function zipf(): () => string {
  const upTo: number[] = [];
  let sum = 0;
  for (let rank = 1; rank <= userCount; rank++) {
    sum += 1 / rank ** skew;
    upTo.push(sum);
  }
  return () => {
    const point = Math.random() * sum;
    let [low, high] = [0, userCount - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((upTo[middle] ?? 0) < point) low = middle + 1;
      else high = middle;
    }
    return `user${low}`;
  };
}
