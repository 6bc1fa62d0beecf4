// [M9] The metric shows the trend, the alert takes the profile, the profile names the function: with real Prometheus and Alertmanager.

import { afterAll, expect, setDefaultTimeout, test } from 'bun:test';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { signup, type UserId } from '@hongyan/client';
import { decodePprof } from '@hongyan/profile/pprof';
import { type Frame, mainValue, type Profile } from '@hongyan/profile/profile';
import type { ProfileRecord } from '@hongyan/server/profiles/profile-files';
import { freePort } from '@hongyan/testing/free-port';
import { until } from '@hongyan/testing/until';
import { type Operator, operatorOf } from '../operator.ts';
import { dataFolder, killServers, removeDataFolders, startServer } from '../server-process.ts';

setDefaultTimeout(240_000);

/** Where tools/install-prometheus unpacked it, or from the PATH. */
function programAt(name: string): string | undefined {
  const unpacked = join(import.meta.dir, '../../node_modules/.prometheus', name);
  return existsSync(unpacked) ? unpacked : (Bun.which(name) ?? undefined);
}

const [prometheus, alertmanager] = [programAt('prometheus'), programAt('prometheus-alertmanager')];
const canAlert = prometheus !== undefined && alertmanager !== undefined;
if (!canAlert && process.env.CI === 'true')
  throw new Error('this test needs Prometheus and Alertmanager: run tools/install-prometheus');
if (!canAlert) console.warn('SKIPPED: an alert takes a profile; run tools/install-prometheus');

const children: { readonly child: Bun.Subprocess; readonly log: string }[] = [];
let folder: string | undefined;
afterAll(async () => {
  for (const { child } of children) {
    child.kill('SIGKILL');
    await child.exited;
  }
  if (folder) await rm(folder, { recursive: true, force: true });
  await killServers();
  await removeDataFolders();
});

/** A rule of this test alone: the shipped ones wait for minutes, so that they do not call for a moment's load. */
const rules = `
groups:
  - name: test
    rules:
      - alert: ProcessBusy
        expr: rate(process_cpu_seconds_total{job="hongyan"}[20s]) > 0.1
        for: 2s
`;

async function watch(operator: Operator): Promise<void> {
  folder = await mkdtemp(join(tmpdir(), 'hongyan-alerts-'));
  const [prometheusPort, alertmanagerPort] = [freePort(), freePort()];
  const files = {
    'operator-token': operator.token,
    'rules.yml': rules,
    'prometheus.yml': `
global: { scrape_interval: 2s, scrape_timeout: 2s, evaluation_interval: 1s }
rule_files: [rules.yml]
alerting: { alertmanagers: [{ static_configs: [{ targets: ['127.0.0.1:${alertmanagerPort}'] }] }] }
scrape_configs:
  - job_name: hongyan
    authorization: { type: Bearer, credentials_file: operator-token }
    static_configs: [{ targets: ['${new URL(operator.url).host}'] }]
`,
    'alertmanager.yml': `
route: { receiver: profile, group_by: ['alertname', 'process'], group_wait: 1s, group_interval: 1s, repeat_interval: 1h }
receivers:
  - name: profile
    webhook_configs:
      - url: ${operator.url}/admin/v1/alerts
        http_config: { authorization: { type: Bearer, credentials_file: operator-token } }
`,
  };
  for (const [name, text] of Object.entries(files)) await Bun.write(join(folder, name), text);
  const run = (program: string, ...args: readonly string[]) => {
    const log = join(folder ?? '', `${basename(program)}.log`);
    children.push({
      child: Bun.spawn([program, ...args], { cwd: folder, stdout: 'ignore', stderr: Bun.file(log) }),
      log,
    });
  };
  run(
    alertmanager ?? '',
    '--config.file=alertmanager.yml',
    '--storage.path=alertmanager',
    `--web.listen-address=127.0.0.1:${alertmanagerPort}`,
    '--cluster.listen-address=',
  );
  run(
    prometheus ?? '',
    '--config.file=prometheus.yml',
    '--storage.tsdb.path=prometheus',
    `--web.listen-address=127.0.0.1:${prometheusPort}`,
  );
}

async function assertAllRun(): Promise<void> {
  for (const { child, log } of children)
    if (child.exitCode !== null) throw new Error(`${basename(log)}: ${(await Bun.file(log).text()).slice(-500)}`);
}

/** Frames with very many arrays make two functions hot: parseJson, and isShallow, which looks into each of them. Until `signal`. */
async function burn(url: string, signal: AbortSignal): Promise<void> {
  const { access_token } = await signup({ url, userId: 'ann' as UserId, password: 'correct horse' });
  const frame = JSON.stringify({ type: 'ping', arrays: Array.from({ length: 20_000 }, () => []) });
  const socket = new WebSocket(`${url.replace('http', 'ws')}/v1/ws`);
  await new Promise((resolve) => {
    socket.onopen = resolve;
  });
  socket.send(JSON.stringify({ type: 'hello', token: access_token, device_id: 'd1' }));
  // Pings beyond their rate are read and not answered: the socket's own backlog says when the next one may leave. Scrapes have to
  // come through in between.
  for (; !signal.aborted; await Bun.sleep(20)) if (socket.bufferedAmount < frame.length) socket.send(frame);
  socket.close();
}

/** The function of our sources in which, or in whose calls of the runtime, most time went. */
function hottestOfOurs(profile: Profile): Frame | undefined {
  const times = new Map<string, { readonly frame: Frame; readonly ns: number }>();
  for (const { frames, values } of profile.stacks) {
    const frame = frames.findLast(({ file }) => file.startsWith('packages/'));
    if (!frame) continue;
    const ns = (times.get(frame.name)?.ns ?? 0) + (values[mainValue(profile)] ?? 0);
    times.set(frame.name, { frame, ns });
  }
  return [...times.values()].sort((left, right) => right.ns - left.ns)[0]?.frame;
}

test.skipIf(!canAlert)(
  '[O14] an alert of Prometheus takes a profile, which names the function that burns',
  async () => {
    const server = await startServer({
      dataDir: await dataFolder('alert'),
      env: { HONGYAN_PROFILE_LENGTH_S: '3', HONGYAN_WATCHDOG_LAG_MS: '0' },
    });
    const operator = await operatorOf(server.dataDir);
    const listed = async (): Promise<readonly ProfileRecord[]> =>
      (await (await operator.fetch('/admin/v1/profiles')).json()).profiles;
    await watch(operator);
    const calm = new AbortController();
    const burning = burn(server.url, calm.signal);
    const isTaken = async () => {
      await assertAllRun();
      return (await listed()).length > 0;
    };
    await until(isTaken, { withinMs: 180_000, what: 'the profile that the alert takes' });
    calm.abort();
    await burning;
    const [record] = await listed();
    expect(record).toMatchObject({ process: 'core', reason: { type: 'alert', detail: 'ProcessBusy' } });
    const file = await operator.fetch(`/admin/v1/profiles/${record?.id}/cpu.pb.gz`);
    const profile = await decodePprof(new Uint8Array(await file.arrayBuffer()));
    const hottest = hottestOfOurs(profile);
    expect(hottest?.file).toBe('packages/protocol/src/parse.ts');
    expect(hottest?.name).toBeOneOf(['parseJson', 'isShallow']);
    await server.stop();
  },
);
