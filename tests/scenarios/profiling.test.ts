// An operator profiles a server under load, with Go's own tool, over the listener and on the command line.

import { afterAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { functionTable } from '@hongyan/profile/functions';
import { decodePprof } from '@hongyan/profile/pprof';
import type { ProfileRecord } from '@hongyan/server/profiles/profile-files';
import { until } from '@hongyan/testing/until';
import { type Operator, operatorOf } from '../operator.ts';
import { killServers, removeDataFolders } from '../server-process.ts';
import { profiles } from './profiles.ts';

// The first call of go tool pprof compiles it.
setDefaultTimeout(180_000);

afterAll(async () => {
  await killServers();
  await removeDataFolders();
});

const hasGo = Bun.which('go') !== null;
if (!hasGo && process.env.CI === 'true')
  throw new Error('this scenario reads profiles with go tool pprof: run tools/install-observability');
if (!hasGo) console.warn('SKIPPED in part: go is not installed, so no profile is read by go tool pprof');

async function goTop(address: string, ...args: readonly string[]): Promise<string> {
  const tool = Bun.spawn(['go', 'tool', 'pprof', '-top', '-nodecount=400', ...args, address], {
    stdout: 'pipe',
    stderr: 'pipe',
  });
  const [out, errors] = await Promise.all([new Response(tool.stdout).text(), new Response(tool.stderr).text()]);
  if ((await tool.exited) !== 0) throw new Error(errors);
  return out;
}

async function withLoad<T>(url: string, work: () => Promise<T>): Promise<T> {
  let isOver = false;
  const asking = Promise.all(
    Array.from({ length: 4 }, async () => {
      while (!isOver) await (await fetch(`${url}/v1/me`, { headers: { authorization: 'Bearer none' } })).text();
    }),
  );
  try {
    return await work();
  } finally {
    isOver = true;
    await asking;
  }
}

async function namesOf(response: Response): Promise<readonly string[]> {
  const { functions } = functionTable(await decodePprof(new Uint8Array(await response.arrayBuffer())));
  return functions.map(({ frame }) => frame.name);
}

/** By the profile's name: the core first, or what has all. */
const processesOn: Readonly<Record<string, readonly string[]>> = {
  embedded: ['core'],
  'embedded, 2 gateways': ['core', 'gateway-1', 'gateway-2'],
  cluster: [expect.stringMatching(/-core-1$/), expect.stringMatching(/-gateway-1$/)],
};

const lastProcess = async (operator: Operator): Promise<string> =>
  (await (await operator.fetch('/admin/v1/profiles')).json()).processes.at(-1);

const listed = async (operator: Operator): Promise<readonly ProfileRecord[]> =>
  (await (await operator.fetch('/admin/v1/profiles')).json()).profiles;

for (const profile of profiles) {
  describe(profile.name, () => {
    test('[O10] every process is profiled under the addresses of Go, its functions by their names in the sources', async () => {
      const server = await profile.start();
      const operator = await operatorOf(server.dataDir);
      const { processes } = await (await operator.fetch('/admin/v1/profiles')).json();
      expect(processes).toEqual(processesOn[profile.name] ?? []);
      const gateways = processes.length === 1 ? processes : processes.slice(1);
      const [own] = processes;
      // A cluster's stores have no threads here.
      const thread = profile.name === 'cluster' ? 'main' : 'timeline';
      await withLoad(server.url, async () => {
        const answers = await Promise.all(
          gateways.map((name: string) => operator.fetch(`/debug/pprof/profile?seconds=2&process=${name}`)),
        );
        // The kernel shares connections among gateways: one of two may get none.
        const names = (await Promise.all(answers.map(namesOf))).flat();
        expect(names).toContain('problemResponse');
      });
      const heap = await operator.fetch(`/debug/pprof/heap?full=1&process=${gateways[0]}`);
      expect(await namesOf(heap)).toContain('Map');
      const snapshot = await operator.fetch(`/debug/pprof/heapsnapshot?process=${gateways[0]}`);
      expect(await snapshot.json()).toMatchObject({
        snapshot: { meta: { node_fields: expect.arrayContaining(['self_size']) } },
      });
      const forDevTools = await operator.fetch(`/debug/pprof/profile?seconds=0.2&format=cpuprofile&thread=${thread}`);
      expect(forDevTools.headers.get('content-disposition')).toContain(`${own}-${thread}.cpuprofile`);
      expect(await forDevTools.json()).toMatchObject({ nodes: expect.anything(), timeDeltas: expect.anything() });
      expect(await (await operator.fetch('/debug/pprof/')).text()).toContain(`process=${gateways.at(-1)}`);
      if (hasGo) {
        const address = operator.url.replace('http://', `http://operator:${operator.token}@`);
        const top = await withLoad(server.url, () =>
          goTop(`${address}/debug/pprof/profile?seconds=2&process=${gateways[0]}`),
        );
        expect(top).toMatch(/^Type: cpu$/m);
        expect(await goTop(`${address}/debug/pprof/heap?full=1`)).toMatch(/^Type: inuse_space$/m);
        const kept = await withLoad(server.url, async (): Promise<ProfileRecord> => {
          const body = JSON.stringify({ process: gateways[0], seconds: 2 });
          return (await operator.fetch('/admin/v1/profiles', { method: 'POST', body })).json();
        });
        const ofKept = await goTop(`${address}/admin/v1/profiles/${kept.id}/cpu.pb.gz`);
        expect(ofKept).toMatch(/^Type: cpu$/m);
        // The kernel may have given a gateway of two no connection.
        const [largest] = kept.top;
        if (processes.length === 1) expect(largest).toBeDefined();
        expect(ofKept).toContain(largest?.name ?? '');
      }
      await server.stop();
    });

    test('[O12] a second profile of a process is refused with what is running; wrong questions say what is right', async () => {
      const server = await profile.start();
      const operator = await operatorOf(server.dataDir);
      const name = await lastProcess(operator);
      const both = await Promise.all(
        [1, 2].map(() => operator.fetch(`/debug/pprof/profile?seconds=5&process=${name}`)),
      );
      expect(both.map(({ status }) => status).toSorted()).toEqual([200, 409]);
      const second = both.find(({ status }) => status === 409);
      expect(await second?.json()).toMatchObject({
        code: 'conflict',
        detail: expect.stringContaining('a CPU profile of 5 s'),
      });
      const refused = async (path: string) => {
        const answer = await operator.fetch(path);
        return [answer.status, (await answer.json()).detail];
      };
      expect(await refused('/debug/pprof/profile?seconds=301')).toEqual([400, expect.stringContaining('at most 300')]);
      expect(await refused('/debug/pprof/profile?process=gateway-9')).toEqual([404, 'there is no process gateway-9']);
      expect(await refused('/admin/v1/profiles/none')).toEqual([
        404,
        expect.stringContaining('GET /admin/v1/profiles'),
      ]);
      expect((await fetch(`${operator.url}/debug/pprof/profile`)).status).toBe(401);
      await server.stop();
    });

    test('[O14] a firing alert profiles the process that it names, once within the pause', async () => {
      const server = await profile.start({ HONGYAN_PROFILE_LENGTH_S: '1' });
      const operator = await operatorOf(server.dataDir);
      const name = await lastProcess(operator);
      const alert = (status: string, alertname: string) =>
        operator.fetch('/admin/v1/alerts', {
          method: 'POST',
          body: JSON.stringify({ version: '4', status, alerts: [{ status, labels: { alertname, process: name } }] }),
        });
      expect(await (await alert('resolved', 'SlowSends')).json()).toEqual({ profiled: [] });
      expect(await (await alert('firing', 'SlowSends')).json()).toEqual({ profiled: [name] });
      expect(await (await alert('firing', 'SlowSends')).json()).toEqual({ profiled: [] });
      await until(async () => (await listed(operator)).length > 0, { withinMs: 60_000 });
      expect((await listed(operator))[0]).toMatchObject({
        process: name,
        reason: { type: 'alert', detail: 'SlowSends' },
      });
      await server.stop();
    });
  });
}
