// How a router's registration and lookup grow from 1,000 to 10,000 routes: Bun's own, which the gateway uses, beside rou3,
// find-my-way and Hono's. In-process where a router can be asked there, and behind real requests, by the server's CPU time.
// bun bench/routing.ts [--requests n]

import { parseArgs } from 'node:util';
import findMyWay from 'find-my-way';
import { RegExpRouter } from 'hono/router/reg-exp-router';
import { TrieRouter } from 'hono/router/trie-router';
import { addRoute, createRouter, findRoute } from 'rou3';
import { machine } from './report.ts';

const sizes = [1_000, 10_000] as const;
type Kind = 'static' | 'with parameters';
const kinds: readonly Kind[] = ['static', 'with parameters'];
const lookups = 200_000;
const askedPaths = 1_000;
/** Of a lookup: the larger table costs at most this many times the smaller. */
const growthMax = 1.5;

/** As the gateway's own paths look: /v1/things17/:id/parts/:part. */
const pattern = (no: number, kind: Kind): string =>
  kind === 'static' ? `/v1/things${no}/all/parts` : `/v1/things${no}/:id/parts/:part`;
const path = (no: number, kind: Kind): string =>
  kind === 'static' ? `/v1/things${no}/all/parts` : `/v1/things${no}/g:${no}/parts/${no * 7}`;

/** undefined: nothing matched. */
type Find = (path: string) => unknown;

const routers: Readonly<Record<string, (patterns: readonly string[]) => Find>> = {
  rou3(patterns) {
    const router = createRouter<number>();
    patterns.forEach((one, no) => {
      addRoute(router, 'GET', one, no);
    });
    return (wanted) => findRoute(router, 'GET', wanted);
  },
  'find-my-way'(patterns) {
    const router = findMyWay();
    for (const one of patterns) router.on('GET', one, () => {});
    return (wanted) => router.find('GET', wanted);
  },
  'hono TrieRouter'(patterns) {
    const router = new TrieRouter<number>();
    patterns.forEach((one, no) => {
      router.add('GET', one, no);
    });
    return (wanted) => router.match('GET', wanted)[0][0];
  },
  'hono RegExpRouter'(patterns) {
    const router = new RegExpRouter<number>();
    patterns.forEach((one, no) => {
      router.add('GET', one, no);
    });
    // Its table is built by the first lookup.
    router.match('GET', '/');
    return (wanted) => router.match('GET', wanted)[0][0];
  },
};

interface Cost {
  readonly registrationMs: number;
  readonly lookupNs: number;
}

function measureInProcess(build: (patterns: readonly string[]) => Find, size: number, kind: Kind): Cost {
  const patterns = Array.from({ length: size }, (_, no) => pattern(no, kind));
  const registrations = Array.from({ length: 5 }, () => {
    const startMs = performance.now();
    build(patterns);
    return performance.now() - startMs;
  });
  const find = build(patterns);
  // The same number of paths for every size, spread over the table: what grows is the router, not what is asked of it.
  const wanted = Array.from({ length: askedPaths }, (_, index) => path((index * 7919) % size, kind));
  const rounds = Array.from({ length: 5 }, () => {
    let found = 0;
    const startNs = Bun.nanoseconds();
    for (let times = 0; times < lookups / askedPaths; times++)
      for (const one of wanted) if (find(one) !== undefined) found++;
    const ns = (Bun.nanoseconds() - startNs) / lookups;
    if (found !== lookups) throw new Error(`${found} of ${lookups} paths were found`);
    return ns;
  });
  return { registrationMs: Math.min(...registrations), lookupNs: Math.min(...rounds) };
}

/** Run by this program as a process of its own: a server whose router has so many routes. */
function serveRoutes(name: string, size: number, kind: Kind): void {
  const patterns = Array.from({ length: size }, (_, no) => pattern(no, kind));
  const startMs = performance.now();
  const own = {
    '/cpu': () => Response.json({ ...process.cpuUsage(), registrationMs }),
  };
  const answer = () => new Response('ok');
  const find = name === 'Bun' ? undefined : routers[name]?.(patterns);
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    routes: { ...own, ...(find ? {} : Object.fromEntries(patterns.map((one) => [one, answer]))) },
    fetch: ({ url }) =>
      find?.(url.slice(url.indexOf('/', 8))) === undefined ? new Response('', { status: 404 }) : answer(),
  });
  const registrationMs = performance.now() - startMs;
  process.stdout.write(`${server.port}\n`);
}

interface ServerCost {
  readonly registrationMs: number;
  readonly perS: number;
  readonly serverUs: number;
}

const connections = 64;

async function measureServed(name: string, size: number, kind: Kind, requests: number): Promise<ServerCost> {
  const child = Bun.spawn([process.execPath, import.meta.path, '--serve', name, String(size), kind], {
    stdout: 'pipe',
  });
  try {
    const { value } = await child.stdout.getReader().read();
    const url = `http://127.0.0.1:${new TextDecoder().decode(value).trim()}`;
    await ask(url, { size, kind, requests: Math.floor(requests / 4) });
    const before = await cpuOf(url);
    const startMs = performance.now();
    await ask(url, { size, kind, requests });
    const elapsedMs = performance.now() - startMs;
    const after = await cpuOf(url);
    return {
      registrationMs: after.registrationMs,
      perS: (requests * 1000) / elapsedMs,
      serverUs: (after.user + after.system - before.user - before.system) / requests,
    };
  } finally {
    child.kill();
    await child.exited;
  }
}

const cpuOf = async (url: string): Promise<{ user: number; system: number; registrationMs: number }> =>
  (await fetch(`${url}/cpu`)).json() as Promise<{ user: number; system: number; registrationMs: number }>;

/** Each connection asks for the next when it has an answer. */
async function ask(
  url: string,
  { size, kind, requests }: { size: number; kind: Kind; requests: number },
): Promise<void> {
  let next = 0;
  const line = async () => {
    while (next < requests) {
      const response = await fetch(url + path((next++ * 7919) % size, kind));
      if (response.status !== 200) throw new Error(`a route was answered with ${response.status}`);
      await response.text();
    }
  };
  await Promise.all(Array.from({ length: connections }, line));
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    args: process.argv.slice(2),
    allowPositionals: true,
    options: { serve: { type: 'boolean' }, requests: { type: 'string', default: '40000' } },
  });
  if (values.serve) {
    const [name = '', size = '', kind = ''] = positionals;
    return serveRoutes(name, Number(size), kind as Kind);
  }
  const { cpu, cores, bun } = machine();
  console.log(`${new Date().toISOString()}; ${cores} cores of ${cpu}; Bun ${bun}\n`);
  console.log('| router | routes | registration ms, 1,000 / 10,000 | lookup ns, 1,000 / 10,000 | growth |');
  console.log('|---|---|---|---|---|');
  for (const [name, build] of Object.entries(routers))
    for (const kind of kinds) {
      const [small, large] = sizes.map((size) => measureInProcess(build, size, kind));
      if (small && large)
        console.log(row(name, kind, small.registrationMs, large.registrationMs, small.lookupNs, large.lookupNs));
    }
  console.log(
    '\n| behind real requests | routes | registration ms, 1,000 / 10,000 | server µs a request, 1,000 / 10,000 | growth | requests/s |',
  );
  console.log('|---|---|---|---|---|---|');
  for (const name of ['Bun', 'rou3', 'find-my-way'])
    for (const kind of kinds) {
      const measured = [];
      for (const size of sizes) measured.push(await measureServed(name, size, kind, Number(values.requests)));
      const [small, large] = measured;
      if (!small || !large) continue;
      const rates = `${Math.round(small.perS)} / ${Math.round(large.perS)}`;
      console.log(
        `${row(name, kind, small.registrationMs, large.registrationMs, small.serverUs, large.serverUs)} ${rates} |`,
      );
    }
}

function row(name: string, kind: Kind, ...figures: readonly [number, number, number, number]): string {
  const [smallMs, largeMs, small, large] = figures;
  const growth = large / small;
  const verdict = growth <= growthMax ? 'flat' : `**above ${growthMax}**`;
  return `| ${name} | ${kind} | ${smallMs.toFixed(1)} / ${largeMs.toFixed(1)} | ${small.toFixed(1)} / ${large.toFixed(1)} | ${growth.toFixed(2)}, ${verdict} |`;
}

await main();
