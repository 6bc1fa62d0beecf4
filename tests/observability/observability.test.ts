// What deploy/observability ships against a real Prometheus that scraped a real server, and the operators' pages against both.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { signUp } from '@hongyan/testing/http-client';
import { WireClient } from '@hongyan/testing/wire-client';
import { OperatorClient } from '../../packages/cli/src/operator-client.ts';
import { describedMetrics, scrapedMetrics } from '../metrics-page.ts';
import { Scrape } from '../scrape.ts';
import { dataFolder, killServers, removeDataFolders, type ServerProcess, startServer } from '../server-process.ts';
import { hasPrometheus, observability, operating, Prometheus, promtool } from './prometheus.ts';

setDefaultTimeout(120_000);

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly annotations: { readonly runbook: string };
}

const page = (name: string): string => readFileSync(join(operating, name), 'utf8');
const rules = (
  Bun.YAML.parse(readFileSync(join(observability, 'alerts.yml'), 'utf8')) as {
    readonly groups: readonly { readonly rules: readonly Rule[] }[];
  }
).groups.flatMap((group) => group.rules);

/** In the way of GitHub and of most renderers. */
const anchorsOf = (markdown: string): readonly string[] =>
  [...markdown.matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replace(/[^\p{L}\p{N} -]/gu, '')
      .replaceAll(' ', '-'),
  );

interface Dashboard {
  readonly panels: readonly { readonly title: string; readonly targets: readonly { readonly expr: string }[] }[];
}
const dashboards = readdirSync(join(observability, 'grafana')).map((name) => ({
  name,
  panels: (JSON.parse(readFileSync(join(observability, 'grafana', name), 'utf8')) as Dashboard).panels,
}));

test('[O8] each alert has a section of its own in alerts.md, and each section an alert', () => {
  expect(rules.length).toBeGreaterThan(10);
  const anchors = anchorsOf(page('alerts.md'));
  for (const { alert, annotations } of rules) {
    expect(annotations.runbook).toBe(`docs/operating/alerts.md#${alert.toLowerCase()}`);
    expect(anchors).toContain(alert.toLowerCase());
  }
  expect(anchors.filter((anchor) => anchor.startsWith('hongyan')).sort()).toEqual(
    rules.map(({ alert }) => alert.toLowerCase()).sort(),
  );
});

test('[O8] every link between the operators’ pages leads to a section', () => {
  for (const name of readdirSync(operating).filter((file) => file.endsWith('.md'))) {
    for (const [, file = '', anchor = ''] of page(name).matchAll(/\]\(([\w-]+\.md)?#([\w-]+)\)/g))
      expect([name, anchorsOf(page(file || name))]).toEqual([name, expect.arrayContaining([anchor])]);
  }
});

test('[O8] each alert is tested by promtool, firing and silent', () => {
  const tested = readFileSync(join(observability, 'alerts.test.yml'), 'utf8');
  for (const { alert } of rules) expect(tested).toContain(`alertname: ${alert}\n`);
});

describe.skipIf(!hasPrometheus)('with Prometheus', () => {
  let server: ServerProcess;
  let prometheus: Prometheus;

  beforeAll(async () => {
    server = await startServer({
      dataDir: await dataFolder('observability'),
      args: ['--gateways', '2', '--events-pull'],
    });
    const { operatorUrl } = JSON.parse(readFileSync(join(server.dataDir, 'running.json'), 'utf8')) as {
      readonly operatorUrl: string;
    };
    await useIt();
    prometheus = await Prometheus.start(
      operatorUrl,
      readFileSync(join(server.dataDir, 'operator-token'), 'utf8').trim(),
    );
    await useIt();
  });
  afterAll(async () => {
    await prometheus?.stop();
    await killServers();
    await removeDataFolders();
  });

  let runs = 0;
  async function useIt(): Promise<void> {
    const { userId, token } = await signUp(server.url, `user${++runs}`);
    const device = await WireClient.open({ url: server.url, token, userId, deviceId: 'd1' });
    for (let n = 0; n < 5; n++)
      await device.request({ type: 'send', to: userId, client_msg_id: `k${n}`, content: { type: 'text', text: 'x' } });
    await device.close();
  }

  test('[O8] promtool takes the configuration and the rules, and the rules pass their tests', async () => {
    for (const args of [
      ['check', 'config', '--syntax-only', 'prometheus.yml'],
      ['check', 'rules', 'alerts.yml'],
      ['test', 'rules', 'alerts.test.yml'],
    ])
      expect(await promtool(args)).toMatchObject({ code: 0 });
  });

  test('[O8] Prometheus takes a scrape of all processes with the shipped configuration', async () => {
    expect((await prometheus.query('up{job="hongyan"} == 1')).length).toBe(1);
    const processes = await prometheus.query('hongyan_process_up == 1');
    expect(processes.map(({ metric }) => metric.process).sort()).toEqual(['core', 'gateway-1', 'gateway-2']);
    const scrape = new Blob([(await Scrape.of(server)).text]);
    expect(await promtool(['check', 'metrics'], scrape)).toEqual({ code: 0, output: '' });
  });

  test.each(dashboards)('[O8] every expression of $name has an answer', async ({ panels }) => {
    expect(panels.length).toBeGreaterThan(5);
    for (const { title, targets } of panels)
      for (const { expr } of targets) {
        const results = await prometheus.query(expr.replaceAll('$instance', '.*').replaceAll('$__rate_interval', '1m'));
        expect([title, expr, results.length > 0 || mayBeEmpty(expr)]).toEqual([title, expr, true]);
      }
  });

  test.each(rules.map(({ alert, expr }) => [alert, expr] as const))(
    '[O8] %s asks for metrics that there are, and is silent on a healthy server',
    async (_alert, expr) => {
      for (const name of new Set(metricsIn(expr).filter((name) => !isOfCluster(name) && !isOfOthers(name))))
        expect([name, (await prometheus.query(`count({__name__="${name}"})`)).length]).toEqual([name, 1]);
      expect(await prometheus.query(expr)).toEqual([]);
    },
  );

  test('[O8] metrics.md describes every metric that there is, with its type, and no other', async () => {
    const { text: scraped } = await Scrape.of(server);
    expect(describedMetrics.ofAll.toSorted()).toEqual(scrapedMetrics(scraped).toSorted());
  });

  test('[O8] the addresses that the operators’ page names are there', async () => {
    const operator = await OperatorClient.connect(server.dataDir);
    for (const path of ['/healthz', '/readyz', '/metrics', '/debug/vars', '/debug/connections', '/debug/log-level'])
      expect([path, (await operator.fetch('GET', path)).status]).toEqual([path, 200]);
  });
});

/** Refusals and failures: a healthy server has none. */
const mayBeEmpty = (expr: string): boolean => /result!="ok"|outcome!="delivered"/.test(expr) || isOfCluster(expr);

/** The server here is an embedded one; that those of a cluster are there is tested on a cluster. */
const isOfCluster = (expr: string): boolean =>
  metricsIn(expr).some((name) => describedMetrics.ofCluster.some((described) => described.startsWith(`${name} `)));

/** Of servers with TLS, an issuer, a check before sending, webhooks or tasks: tests of these see them. */
const isOfOthers = (name: string): boolean =>
  [
    'hongyan_certificate_end_time_seconds',
    'hongyan_issuer_keys',
    'hongyan_before_send_total',
    'hongyan_webhook_enabled',
    'hongyan_webhook_waiting_events',
    'hongyan_tasks',
  ].includes(name);

const metricsIn = (expr: string): readonly string[] => expr.match(/\b(hongyan|process|nodejs)_\w+/g) ?? [];
