// [M10] The Helm chart: what it makes is valid for Kubernetes, names options and files that there are, and stops no pod too early.

import { afterAll, expect, setDefaultTimeout, test } from 'bun:test';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';
import { dataLayout } from '@hongyan/server/config/data-layout';
import { options } from '@hongyan/server/config/options';
import { dataFolder, removeDataFolders } from '../server-process.ts';

setDefaultTimeout(60_000);
afterAll(removeDataFolders);

const chart = join(import.meta.dir, '../../deploy/helm/hongyan');
const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'hongyan');
const [folder] = existsSync(cache)
  ? [...new Bun.Glob('helm-*/helm').scanSync(cache)].map((path) => join(cache, path, '..'))
  : [];
if (folder === undefined && process.env.CI === 'true') throw new Error('these tests need Helm: run tools/install-helm');
if (folder === undefined) console.warn('SKIPPED: the tests of deploy/helm; run tools/install-helm');
const withHelm = test.skipIf(folder === undefined);

const needed = { 'kafka.brokers': 'kafka:9092', existingSecret: 'hongyan-secrets' };
const everything = {
  ...needed,
  'gateway.ingress.enabled': 'true',
  'gateway.ingress.host': 'chat.example.org',
  'gateway.ingress.tlsSecret': 'chat-tls',
  'core.autoscaling.enabled': 'true',
  'worker.autoscaling.enabled': 'true',
  'image.pullSecrets[0].name': 'registry',
  'linkTls.existingSecret': 'hongyan-link-tls',
  'environment.HONGYAN_RETENTION_DAYS': '400',
};
const ownSecret = {
  'kafka.brokers': 'kafka:9092',
  'secrets.secret': 'ab'.repeat(32),
  'secrets.link-secret': 'cd'.repeat(32),
  'secrets.operator-token': 'ef'.repeat(32),
  'secrets.mysql-url': 'mysql://im:word@mysql:3306',
  'secrets.redis-urls': 'redis://redis:6379',
};

interface Container {
  readonly args: readonly string[];
  readonly env: readonly { readonly name: string; readonly value?: string }[];
  readonly ports: readonly { readonly name: string }[];
  readonly volumeMounts: readonly { readonly mountPath: string; readonly subPath?: string }[];
  readonly startupProbe: Probe;
  readonly livenessProbe: Probe;
  readonly readinessProbe: Probe;
  readonly securityContext: unknown;
}
interface Probe {
  readonly httpGet: { readonly port: string };
}
interface KubernetesObject {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly data?: Readonly<Record<string, string>>;
  readonly stringData?: Readonly<Record<string, string>>;
  readonly spec: {
    readonly replicas?: number;
    readonly behavior?: { readonly scaleDown: unknown };
    readonly template: {
      readonly spec: {
        readonly terminationGracePeriodSeconds: number;
        readonly securityContext: unknown;
        readonly containers: readonly [Container];
      };
    };
  };
}

async function run(
  program: string,
  ...args: readonly string[]
): Promise<{ readonly code: number; readonly text: string }> {
  const child = Bun.spawn([join(folder ?? '', program), ...args], { stdout: 'pipe', stderr: 'pipe' });
  const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  return { code: await child.exited, text: out + err };
}

const flags = (values: Readonly<Record<string, string>>) =>
  Object.entries(values).flatMap(([name, value]) => [value === 'true' ? '--set' : '--set-string', `${name}=${value}`]);

async function render(values: Readonly<Record<string, string>>): Promise<readonly KubernetesObject[]> {
  const { code, text } = await run('helm', 'template', 'im', chart, '--kube-version', '1.34.0', ...flags(values));
  if (code !== 0) throw new Error(text);
  return (Bun.YAML.parse(text) as (KubernetesObject | null)[]).filter((object) => object !== null);
}

const deployments = (objects: readonly KubernetesObject[]) => objects.filter(({ kind }) => kind === 'Deployment');
const containerOf = ({ spec }: KubernetesObject): Container => spec.template.spec.containers[0];

withHelm('the chart has no fault that helm lint finds', async () => {
  for (const values of [needed, everything, ownSecret]) {
    const { code, text } = await run('helm', 'lint', chart, '--strict', ...flags(values));
    expect(code, text).toBe(0);
  }
});

withHelm.each([
  ['needed', needed],
  ['everything', everything],
  ['ownSecret', ownSecret],
] as const)('what it makes of the values %s has the fields of Kubernetes and no others', async (name, values) => {
  const { text } = await run('helm', 'template', 'im', chart, '--kube-version', '1.34.0', ...flags(values));
  const path = join(await dataFolder('chart'), `${name}.yaml`);
  await Bun.write(path, text);
  const checked = await run('kubernetes-validate', '--strict', '-k', '1.34', path);
  expect(checked.code, checked.text).toBe(0);
  // The check can fail.
  await Bun.write(path, text.replace('revisionHistoryLimit', 'revisionHistoryLimits'));
  const refused = await run('kubernetes-validate', '--strict', '-k', '1.34', path);
  expect(refused.code).not.toBe(0);
  expect(refused.text).toContain('revisionHistoryLimits');
});

withHelm('every environment variable is an option of hongyan start, and every role is started', async () => {
  const objects = await render(everything);
  const known = new Set(options.map(({ name }) => `HONGYAN_${name.toUpperCase().replaceAll('-', '_')}`));
  const given = deployments(objects).flatMap((object) => containerOf(object).env.map(({ name }) => name));
  const configured = objects.filter(({ kind }) => kind === 'ConfigMap').flatMap(({ data = {} }) => Object.keys(data));
  const ours = [...given, ...configured].filter((name) => name.startsWith('HONGYAN_'));
  expect(ours.length).toBeGreaterThan(20);
  expect(ours.filter((name) => !known.has(name))).toEqual([]);
  expect(deployments(objects).map((object) => containerOf(object).args)).toEqual([
    ['start', '--roles', 'gateway'],
    ['start', '--roles', 'core'],
    ['start', '--roles', 'worker'],
  ]);
});

withHelm('the files of the secret lie where the server looks for them', async () => {
  const [secret] = (await render(ownSecret)).filter(({ kind }) => kind === 'Secret');
  const layout = dataLayout('/var/lib/hongyan');
  for (const object of deployments(await render(ownSecret))) {
    const files = containerOf(object).volumeMounts.filter(({ subPath }) => subPath !== undefined);
    expect(files.map(({ mountPath }) => mountPath)).toEqual([layout.secret, layout.linkSecret, layout.operatorToken]);
    for (const { mountPath, subPath = '' } of files) {
      expect(subPath).toBe(basename(mountPath));
      expect(secret?.stringData?.[subPath]).toBeDefined();
    }
  }
});

withHelm('a pod has the time that its stop takes, probes at ports it has, and no rights it does not need', async () => {
  for (const object of deployments(await render(needed))) {
    const { terminationGracePeriodSeconds, securityContext } = object.spec.template.spec;
    const container = containerOf(object);
    const seconds = (name: string) => Number(container.env.find((each) => each.name === name)?.value ?? '0');
    const stop = seconds('HONGYAN_DRAIN_DELAY_SECONDS') + 2 * seconds('HONGYAN_DRAIN_SECONDS');
    expect(terminationGracePeriodSeconds).toBeGreaterThan(stop);
    const ports = container.ports.map(({ name }) => name);
    for (const probe of [container.startupProbe, container.livenessProbe, container.readinessProbe])
      expect(ports).toContain(probe.httpGet.port);
    expect(securityContext).toMatchObject({ runAsNonRoot: true });
    expect(container.securityContext).toMatchObject({ readOnlyRootFilesystem: true, allowPrivilegeEscalation: false });
  }
});

withHelm('the autoscaler alone decides the number of gateways, and takes one at a time', async () => {
  const objects = await render(needed);
  expect(deployments(objects).map(({ spec }) => spec.replicas)).toEqual([undefined, 2, 2]);
  const [scaler] = objects.filter(({ kind }) => kind === 'HorizontalPodAutoscaler');
  expect(scaler?.spec.behavior?.scaleDown).toMatchObject({ policies: [{ type: 'Pods', value: 1 }] });
});

withHelm('a value that is missing is named', async () => {
  const missing = async (values: Readonly<Record<string, string>>) =>
    (await run('helm', 'template', 'im', chart, '--kube-version', '1.34.0', ...flags(values))).text;
  expect(await missing({ existingSecret: 'hongyan-secrets' })).toContain('kafka.brokers: the addresses');
  expect(await missing({ 'kafka.brokers': 'kafka:9092' })).toContain('existingSecret with all of them');
});
