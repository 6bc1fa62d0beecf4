// Real Prometheus tools for tests: from the PATH, or where tools/install-prometheus unpacked them. Without them the tests are skipped
// and say so; continuous integration (CI=true) fails instead.

import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '@hongyan/testing/free-port';
import { until } from '@hongyan/testing/until';

const root = join(import.meta.dir, '../..');
export const observability = join(root, 'deploy/observability');
export const operating = join(root, 'docs/operating');

const find = (program: string): string | undefined => {
  const unpacked = join(root, 'node_modules/.prometheus', program);
  return existsSync(unpacked) ? unpacked : (Bun.which(program) ?? undefined);
};

const [server, promtoolPath] = [find('prometheus'), find('promtool')];
export const hasPrometheus = server !== undefined && promtoolPath !== undefined;

const missing = 'prometheus and promtool are not here: run tools/install-prometheus';
if (!hasPrometheus && process.env.CI === 'true') throw new Error(missing);
if (!hasPrometheus) console.warn(`SKIPPED: the tests of deploy/observability; ${missing}`);

/** In the folder of the rules. Returns what it printed. */
export async function promtool(
  args: readonly string[],
  stdin = new Blob(),
): Promise<{ readonly code: number; readonly output: string }> {
  const child = Bun.spawn([promtoolPath ?? '', ...args], { cwd: observability, stdin, stdout: 'pipe', stderr: 'pipe' });
  const [out, error] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  return { code: await child.exited, output: out + error };
}

export interface Result {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}

/** A Prometheus that scrapes one server every second. */
export class Prometheus {
  readonly #url: string;
  readonly #child: Bun.Subprocess;
  readonly #folder: string;

  /** Resolves after its second scrape: rates need two. */
  static async start(operatorUrl: string, token: string): Promise<Prometheus> {
    const folder = await mkdtemp(join(tmpdir(), 'hongyan-prometheus-'));
    const port = freePort();
    await mkdir(join(folder, 'data'));
    await Bun.write(join(folder, 'operator-token'), token);
    const shipped = await Bun.file(join(observability, 'prometheus.yml')).text();
    const config = shipped
      .replaceAll('127.0.0.1:8090', new URL(operatorUrl).host)
      .replaceAll(/interval: 15s/g, 'interval: 1s')
      .replace('- alerts.yml', `- ${join(observability, 'alerts.yml')}`);
    await Bun.write(join(folder, 'prometheus.yml'), config);
    const child = Bun.spawn(
      [
        server ?? '',
        `--config.file=${join(folder, 'prometheus.yml')}`,
        `--storage.tsdb.path=${join(folder, 'data')}`,
        `--web.listen-address=127.0.0.1:${port}`,
      ],
      { stdout: 'ignore', stderr: 'ignore' },
    );
    const own = new Prometheus(`http://127.0.0.1:${port}`, child, folder);
    await until(() => own.#hasScrapedTwice(), { withinMs: 60_000, what: 'two scrapes by Prometheus' });
    return own;
  }

  private constructor(url: string, child: Bun.Subprocess, folder: string) {
    this.#url = url;
    this.#child = child;
    this.#folder = folder;
  }

  async query(expression: string): Promise<readonly Result[]> {
    const body = new URLSearchParams({ query: expression });
    const answer = (await (await fetch(`${this.#url}/api/v1/query`, { method: 'POST', body })).json()) as Answer;
    if (answer.status !== 'success') throw new Error(`${expression}: ${answer.error}`);
    return answer.data?.result ?? [];
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#child.exited;
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #hasScrapedTwice(): Promise<boolean> {
    try {
      const [count] = await this.query('count_over_time(up{job="hongyan"}[1m]) and up == 1');
      return Number(count?.value[1] ?? 0) >= 3;
    } catch {
      // It does not listen yet.
      return false;
    }
  }
}

interface Answer {
  readonly status: string;
  readonly error?: string;
  readonly data?: { readonly result: readonly Result[] };
}
