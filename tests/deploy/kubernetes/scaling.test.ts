// [M10] The Helm chart on a real control plane: its pods run the server, gateways are added while connections come and leave one by one
// when they have gone, and an update replaces every pod while a client stays connected.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type ConversationId, createClient, signup, type UserId } from '@hongyan/client';
import { Scratch } from '@hongyan/testing/scratch';
import { ServiceSet } from '@hongyan/testing/services/service-set';
import { servicesFolder } from '@hongyan/testing/services/state';
import { until } from '@hongyan/testing/until';
import { dataFolder, removeDataFolders } from '../../server-process.ts';
import { ControlPlane } from './control-plane.ts';
import { MetricsPipeline } from './metrics-pipeline.ts';
import { NodeAgent } from './node-agent.ts';
import { missingPrograms, program } from './programs.ts';
import { ServiceProxy } from './service-proxy.ts';

setDefaultTimeout(600_000);
const root = join(import.meta.dir, '../../..');
const chart = join(root, 'deploy/helm/hongyan');
const main = join(root, 'packages/cli/src/main.ts');
const waitMsMax = 240_000;

const { mysql, kafka, redis } = ServiceSet.open(servicesFolder())?.addresses ?? {};
const isHere = missingPrograms.length === 0 && mysql && kafka && redis;
// Its programs take ten minutes to build, so continuous integration does without.
if (!isHere) console.warn('SKIPPED: the chart on a control plane; run tools/install-kubernetes and tools/services up');

describe.skipIf(!isHere)('the Helm chart on a control plane', () => {
  let plane: ControlPlane;
  let agent: NodeAgent;
  let metrics: MetricsPipeline;
  let scratch: Scratch;
  let proxy: ServiceProxy;
  const operatorToken = 'operator-token-of-the-test-0123456789';

  beforeAll(async () => {
    if (!mysql || !kafka || !redis) return;
    const folder = await dataFolder('kubernetes');
    scratch = new Scratch({ mysql, kafka, redis });
    for (const service of ['timeline', 'directory', 'access', 'devices', 'events']) await scratch.database(service);
    plane = await ControlPlane.start(join(folder, 'plane'));
    metrics = await MetricsPipeline.start(plane, { prometheus: program('prometheus'), operatorToken });
    const pods = join(folder, 'pods');
    await mkdir(pods, { recursive: true });
    const name = 'node-1';
    const command = [process.execPath, main];
    agent = new NodeAgent({ plane, name, command, folder: pods, onPods: (running) => metrics.follow(running, name) });
    await agent.start();
    proxy = new ServiceProxy(() => readyGateways().map(({ urlOf }) => urlOf('clients')));
    await install({});
  });

  afterAll(async () => {
    proxy?.close();
    await agent?.close();
    await metrics?.stop();
    await plane?.stop();
    await scratch?.remove();
    await removeDataFolders();
  });

  async function install(environment: Readonly<Record<string, string>>): Promise<void> {
    if (!mysql || !kafka || !redis) return;
    const values = {
      kafka: { brokers: kafka.brokers.join(','), partitions: 4 },
      secrets: {
        secret: '5a'.repeat(31).concat('17'),
        'link-secret': '6b'.repeat(31).concat('18'),
        'operator-token': operatorToken,
        'mysql-url': `mysql://${scratch.prefix}_{service}:${scratch.prefix}@${mysql.host}:${mysql.port}`,
        'redis-urls': `redis://${redis.address}`,
      },
      environment: { HONGYAN_CLUSTER_NAME: scratch.prefix, ...environment },
      gateway: {
        drainSeconds: 2,
        autoscaling: {
          ...{ minReplicas: 1, maxReplicas: 3, targetConnections: 20, targetOperationsPerSecond: 0 },
          ...{ scaleDownStabilizationSeconds: 5, scaleDownPeriodSeconds: 5 },
        },
      },
      core: { replicas: 1, drainSeconds: 2 },
      worker: { replicas: 1, drainSeconds: 2 },
    };
    const path = join(plane.folder, 'values.json');
    await Bun.write(path, JSON.stringify(values));
    const { code, text } = await plane.run('helm', ['upgrade', '--install', 'im', chart, '--values', path]);
    if (code !== 0) throw new Error(text);
  }

  const readyGateways = () => agent.pods.filter(({ role, isReady }) => role === 'gateway' && isReady);
  const counted = async () => {
    const path = '/apis/apps/v1/namespaces/default/deployments/im-hongyan-gateway';
    const deployment = await plane.api<{ status: { readyReplicas?: number } }>('GET', path);
    return deployment?.status.readyReplicas ?? 0;
  };
  const wait = (isTrue: () => boolean | Promise<boolean>, what: string) => until(isTrue, { withinMs: waitMsMax, what });
  const account = (name: string) => ({
    ...{ url: proxy.url, userId: name as UserId, password: `a password of ${name}`, displayName: name },
  });

  test('its pods become ready, and a user can sign up', async () => {
    await wait(async () => (await counted()) === 1, 'a gateway to be ready');
    expect((await signup(account('ann'))).user.user_id).toBe('ann' as UserId);
  });

  test('gateways are added while connections come, and leave one by one when they have gone', async () => {
    const { access_token: token } = await signup(account('ben'));
    const clients = Array.from({ length: 50 }, () => createClient({ url: proxy.url, token: () => token }));
    await Promise.all(clients.map((client) => client.connect()));
    await wait(async () => (await counted()) === 3, 'three gateways for fifty connections');
    await Promise.all(clients.map((client) => client.close()));
    const before = agent.stopped.length;
    await wait(async () => (await counted()) === 1, 'one gateway after they have gone');
    await wait(() => agent.stopped.length === before + 2, 'two pods to have stopped');
    expect(agent.stopped.slice(before).map(({ exitCode }) => exitCode)).toEqual([0, 0]);
  });

  test('an update replaces every pod, and a client loses no message', async () => {
    const { access_token: token } = await signup(account('cleo'));
    const client = createClient({ url: proxy.url, token: () => token });
    await client.connect();
    const before = new Set(agent.pods.map(({ name }) => name));
    await install({ HONGYAN_RETENTION_DAYS: '400' });
    const sent: string[] = [];
    const areReplaced = () =>
      agent.pods.length === 3 && agent.pods.every(({ name, isReady }) => !before.has(name) && isReady);
    await wait(async () => {
      const text = `message ${sent.length}`;
      await client.send({ to: 'cleo' as UserId }, { type: 'text', text });
      sent.push(text);
      return areReplaced();
    }, 'every pod to be a new one');
    const conversationId = 'd:cleo:cleo' as ConversationId;
    const { messages } = await client.history({ conversationId, limit: 200 });
    const texts = sent.slice(-200).map((text) => ({ type: 'text', text }));
    expect(messages.map(({ content }) => content)).toEqual(texts);
    await client.close();
  });
});
