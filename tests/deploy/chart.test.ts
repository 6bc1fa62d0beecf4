// [M10] The Helm chart: what it makes is valid for Kubernetes, names options and files that there are, and stops no pod too early.

import { afterAll, expect, setDefaultTimeout, test } from 'bun:test';
import { existsSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';
import { dataLayout } from '@hongyan/server/config/data-layout';
import { options } from '@hongyan/server/config/options';
import { formatSecret, secretBytes } from '@hongyan/server/domain/webhook-signature';
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
  'gateway.service.type': 'LoadBalancer',
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
const beforeSend = {
  ...ownSecret,
  'environment.HONGYAN_BEFORE_SEND_URL': 'http://moderation.example.org/',
  'secrets.before-send-secret': formatSecret(new Uint8Array(secretBytes)),
};

interface Container {
  readonly image: string;
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
  readonly periodSeconds: number;
  readonly failureThreshold: number;
}
interface KubernetesObject {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
  readonly data?: Readonly<Record<string, string>>;
  readonly stringData?: Readonly<Record<string, string>>;
  readonly spec: {
    readonly replicas?: number;
    readonly maxUnavailable?: number;
    readonly minAvailable?: number;
    readonly jobLabel?: string;
    readonly externalTrafficPolicy?: string;
    readonly egress?: readonly unknown[];
    readonly behavior?: { readonly scaleDown: unknown };
    readonly metrics?: readonly { readonly pods?: { readonly target: { readonly averageValue: string } } }[];
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

async function render(
  values: Readonly<Record<string, string>>,
  ...more: readonly string[]
): Promise<readonly KubernetesObject[]> {
  const args = ['template', 'im', chart, '--kube-version', '1.34.0', ...flags(values), ...more];
  const { code, text } = await run('helm', ...args);
  if (code !== 0) throw new Error(text);
  return (Bun.YAML.parse(text) as (KubernetesObject | null)[]).filter((object) => object !== null);
}

/** Helm reads numbers of a file as floating point, those of --set as integers. */
async function renderFile(values: unknown): Promise<readonly KubernetesObject[]> {
  const path = join(await dataFolder('chart'), 'values.yaml');
  await Bun.write(path, Bun.YAML.stringify(values));
  return render(needed, '--values', path);
}

const deployments = (objects: readonly KubernetesObject[]) => objects.filter(({ kind }) => kind === 'Deployment');
const containerOf = ({ spec }: KubernetesObject): Container => spec.template.spec.containers[0];
const variableOf = ({ env }: Container, variable: string) => env.find(({ name }) => name === variable)?.value;

withHelm('the chart has no fault that helm lint finds', async () => {
  for (const values of [needed, everything, ownSecret, beforeSend]) {
    const { code, text } = await run('helm', 'lint', chart, '--strict', ...flags(values));
    expect(code, text).toBe(0);
  }
});

withHelm.each([
  ['needed', needed],
  ['everything', everything],
  ['ownSecret', ownSecret],
  ['beforeSend', beforeSend],
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

withHelm('[O8] the pods are scraped as the job that the alert rules ask for', async () => {
  const scraped = { ...needed, 'serviceMonitor.enabled': 'true' };
  const objects = await render({
    ...scraped,
    'networkPolicy.operatorsFrom[0].podSelector.matchLabels.app': 'prometheus',
  });
  const monitor = objects.find(({ kind }) => kind === 'ServiceMonitor');
  const operators = objects.find(({ metadata }) => metadata.name.endsWith('-operators'));
  // Prometheus Operator takes the job from this label of the Service; by default it is the name of the Service.
  const job = operators?.metadata.labels?.[monitor?.spec.jobLabel ?? ''];
  const rules = await Bun.file(join(import.meta.dir, '../../deploy/observability/alerts.yml')).text();
  expect(new Set(rules.match(/job="[^"]*"/g))).toEqual(new Set([`job="${job}"`]));
});

withHelm.each([
  ['ownSecret', ownSecret],
  ['beforeSend', beforeSend],
] as const)('with the values %s the files of the secret lie where the server looks for them', async (name, values) => {
  const objects = await render(values);
  const [secret] = objects.filter(({ kind }) => kind === 'Secret');
  const layout = dataLayout('/var/lib/hongyan');
  const always = [layout.secret, layout.linkSecret, layout.operatorToken];
  for (const object of deployments(objects)) {
    const container = containerOf(object);
    const files = container.volumeMounts.filter(({ subPath }) => subPath !== undefined);
    // One secret for all cores, or the service that is asked could verify one of them at most.
    const asks = name === 'beforeSend' && container.args.includes('core');
    expect(files.map(({ mountPath }) => mountPath)).toEqual(asks ? [...always, layout.beforeSendSecret] : always);
    for (const { mountPath, subPath = '' } of files) {
      expect(subPath).toBe(basename(mountPath));
      expect(secret?.stringData?.[subPath]).toBeDefined();
    }
  }
});

withHelm('a pod has the time that its stop takes, probes at ports it has, and no rights it does not need', async () => {
  const slow = await render(needed, '--set', 'gateway.drainDelaySeconds=45,gateway.drainSeconds=0');
  const delays = deployments(slow).map((object) => variableOf(containerOf(object), 'HONGYAN_DRAIN_DELAY_SECONDS'));
  expect(delays).toEqual(['45', undefined, undefined]);
  for (const object of deployments([...(await render(needed)), ...slow])) {
    const { terminationGracePeriodSeconds, securityContext } = object.spec.template.spec;
    const container = containerOf(object);
    const seconds = (name: string) => Number(variableOf(container, name) ?? '0');
    const stop = seconds('HONGYAN_DRAIN_DELAY_SECONDS') + 2 * seconds('HONGYAN_DRAIN_SECONDS');
    expect(terminationGracePeriodSeconds).toBeGreaterThan(stop);
    const ports = container.ports.map(({ name }) => name);
    for (const probe of [container.startupProbe, container.livenessProbe, container.readinessProbe])
      expect(ports).toContain(probe.httpGet.port);
    expect(securityContext).toMatchObject({ runAsNonRoot: true });
    expect(container.securityContext).toMatchObject({ readOnlyRootFilesystem: true, allowPrivilegeEscalation: false });
  }
});

withHelm('a start has the time that it is given', async () => {
  const secondsOf = async (...more: readonly string[]) =>
    deployments(await render(needed, ...more)).map((object) => {
      const { periodSeconds, failureThreshold } = containerOf(object).startupProbe;
      return periodSeconds * failureThreshold;
    });
  expect(await secondsOf()).toEqual([180, 180, 180]);
  expect(await secondsOf('--set', 'startSeconds=7201')).toEqual([7202, 7202, 7202]);
});

withHelm('a monitor that the network policy keeps from the pods is refused', async () => {
  const scraped = { ...needed, 'serviceMonitor.enabled': 'true' };
  await expect(render(scraped)).rejects.toThrow('name it in networkPolicy.operatorsFrom');
  const open = await render(scraped, '--set', 'networkPolicy.enabled=false');
  expect(open.map(({ kind }) => kind)).toContain('ServiceMonitor');
});

withHelm('whatever the list of egress says, pods reach names and each other', async () => {
  const narrow = [{ to: [{ ipBlock: { cidr: '10.1.0.0/16' } }] }];
  const objects = await renderFile({ networkPolicy: { egress: narrow } });
  const policies = objects.filter(({ kind }) => kind === 'NetworkPolicy');
  const ofRelease = { 'app.kubernetes.io/name': 'hongyan', 'app.kubernetes.io/instance': 'im' };
  expect(policies).toHaveLength(3);
  for (const { spec } of policies) {
    const [names, pods, ...rest] = spec.egress ?? [];
    expect(names).toEqual({ ports: ['UDP', 'TCP'].map((protocol) => ({ port: 53, protocol })) });
    expect(pods).toEqual({ to: [{ podSelector: { matchLabels: ofRelease } }] });
    expect(rest).toEqual(narrow);
  }
});

withHelm('a service that is reached from outside keeps the addresses of clients', async () => {
  const policyOf = async (type: string) => {
    const objects = await render(needed, '--set', `gateway.service.type=${type}`);
    return objects.find(({ kind }) => kind === 'Service')?.spec.externalTrafficPolicy;
  };
  expect(await policyOf('LoadBalancer')).toBe('Local');
  expect(await policyOf('NodePort')).toBe('Local');
  // Kubernetes refuses the field there.
  expect(await policyOf('ClusterIP')).toBeUndefined();
});

withHelm('the autoscaler alone decides the number of gateways, and takes one at a time', async () => {
  const objects = await render(needed);
  expect(deployments(objects).map(({ spec }) => spec.replicas)).toEqual([undefined, 2, 2]);
  const [scaler] = objects.filter(({ kind }) => kind === 'HorizontalPodAutoscaler');
  expect(scaler?.spec.behavior?.scaleDown).toMatchObject({ policies: [{ type: 'Pods', value: 1 }] });
});

withHelm('large numbers of a values file are whole numbers for the server', async () => {
  const objects = await renderFile({
    image: { tag: 20260101 },
    kafka: { partitions: 1_000_000 },
    gateway: {
      connectionsMax: 1_000_000,
      autoscaling: { targetConnections: 2_000_000, targetOperationsPerSecond: 3_000_000 },
    },
    environment: { HONGYAN_EVENTS_BYTES_MAX: 10_737_418_240, HONGYAN_SIGNUP_ENABLED: false, HONGYAN_TIERS: 'a  b' },
  });
  const [gateway] = deployments(objects).map(containerOf);
  expect(gateway && variableOf(gateway, 'HONGYAN_CONNECTIONS_MAX')).toBe('1000000');
  expect(gateway?.image).toBe('hongyan:20260101');
  expect(objects.find(({ kind }) => kind === 'ConfigMap')?.data).toMatchObject({
    HONGYAN_KAFKA_PARTITIONS: '1000000',
    HONGYAN_EVENTS_BYTES_MAX: '10737418240',
    HONGYAN_SIGNUP_ENABLED: 'false',
    HONGYAN_TIERS: 'a  b',
  });
  const scaler = objects.find(({ kind }) => kind === 'HorizontalPodAutoscaler');
  const targets = scaler?.spec.metrics?.flatMap(({ pods }) => (pods ? [pods.target.averageValue] : []));
  expect(targets).toEqual(['3000000', '2000000']);
});

withHelm('a value that is missing is named', async () => {
  const missing = async (values: Readonly<Record<string, string>>) =>
    (await run('helm', 'template', 'im', chart, '--kube-version', '1.34.0', ...flags(values))).text;
  expect(await missing({ existingSecret: 'hongyan-secrets' })).toContain('kafka.brokers: the addresses');
  expect(await missing({ 'kafka.brokers': 'kafka:9092' })).toContain('existingSecret with all of them');
  expect(await missing({ ...beforeSend, 'secrets.before-send-secret': '' })).toContain('secrets.before-send-secret');
});

withHelm('a disruption budget has one bound', async () => {
  const budgets = async (...more: readonly string[]) =>
    (await render(needed, ...more)).filter(({ kind }) => kind === 'PodDisruptionBudget').map(({ spec }) => spec);
  const chosen = await budgets('--set', 'gateway.podDisruptionBudget.minAvailable=2');
  expect(chosen.map(({ minAvailable, maxUnavailable }) => [minAvailable, maxUnavailable])).toEqual([
    [2, undefined],
    [undefined, 1],
    [undefined, 1],
  ]);
});

withHelm('after an install the notes name the number of pods, and where an autoscaler decides its bounds', async () => {
  // helm template leaves the notes out, and an install needs a cluster: here they are a text of an object.
  const copy = join(await dataFolder('chart'), 'hongyan');
  await cp(chart, copy, { recursive: true });
  const notes = await Bun.file(join(chart, 'templates/NOTES.txt')).text();
  await Bun.write(join(copy, 'templates/notes.yaml'), `notes: |\n${notes.replaceAll(/^/gm, '  ')}`);
  const notesWith = async (...more: readonly string[]) => {
    const shown = ['--show-only', 'templates/notes.yaml', ...more];
    return (await run('helm', 'template', 'im', copy, '--kube-version', '1.34.0', ...flags(needed), ...shown)).text;
  };
  expect(await notesWith()).toContain('3 to 30 gateways, 2 cores, 2 workers');
  const scaled = 'gateway.autoscaling.enabled=false,gateway.replicas=5,core.autoscaling.enabled=true';
  expect(await notesWith('--set', scaled)).toContain('5 gateways, 2 to 12 cores, 2 workers');
});

withHelm.each([
  'gatway.replicas',
  'gateway.replica',
  'gateway.autoscaling.minReplica',
  'gateway.service.ports',
  'core.connectionsMax',
  'kafka.broker',
  'image.pullPolicies',
  'secrets.mysqlUrl',
  'networkPolicy.operatorFrom',
])('a value that the chart does not have is refused: %s', async (key) => {
  const name = key.slice(key.lastIndexOf('.') + 1);
  await expect(render(needed, '--set', `${key}=1`)).rejects.toThrow(key.startsWith('gatway') ? 'gatway' : name);
});

withHelm('a variable that the chart sets itself is refused, with what to do', async () => {
  const objects = await render(everything);
  const given = deployments(objects).flatMap((object) => containerOf(object).env.map(({ name }) => name));
  const configured = objects.filter(({ kind }) => kind === 'ConfigMap').flatMap(({ data = {} }) => Object.keys(data));
  const ours = new Set([...given, ...configured, 'HONGYAN_ROLES'].filter((name) => name.startsWith('HONGYAN_')));
  ours.delete('HONGYAN_RETENTION_DAYS');
  for (const name of ours)
    await expect(render(needed, '--set-string', `environment.${name}=x`)).rejects.toThrow(
      `environment.${name} is set by the chart: `,
    );
  const drain = render(needed, '--set-string', 'environment.HONGYAN_DRAIN_SECONDS=5');
  await expect(drain).rejects.toThrow('use gateway.drainSeconds, core.drainSeconds and worker.drainSeconds');
});
