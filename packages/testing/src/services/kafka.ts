// Apache Kafka in KRaft mode: one broker, or three that lose one without losing a record. Each is its own controller.

import { existsSync, readFileSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { servicePort } from './port.ts';
import { programPath, run } from './programs.ts';
import { type KafkaFront, logOf, type ServerRecord } from './state.ts';

const version = '4.4.0';
const heapMax = '512m';
/** For a tool that runs a second: several of them start side by side, and a heap like the machine's is for none of them. */
const briefly = ['-Xmx128m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'];
const here = join(import.meta.dir, 'kafka');
const readyLine = 'Kafka Server started';

interface Broker {
  readonly node: number;
  readonly port: number;
  readonly controllerPort: number;
}

export interface PreparedKafka {
  readonly servers: readonly ServerRecord[];
  readonly fronts: readonly KafkaFront[];
}

export async function prepareKafka(
  folder: string,
  { brokers: count, fronts: frontCount }: { readonly brokers: number; readonly fronts: number },
): Promise<PreparedKafka> {
  if (frontCount > 0 && count > 1) throw new Error('relays stand before one broker: ask for one');
  const jars = await kafkaJars();
  const brokers = Array.from({ length: count }, (_, index) => ({
    node: index + 1,
    port: servicePort(),
    controllerPort: servicePort(),
  }));
  const fronts = Array.from({ length: frontCount }, () => ({ targetPort: servicePort(), port: servicePort() }));
  const clusterId = Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString('base64url');
  const servers = await Promise.all(
    brokers.map(async (broker) => {
      const name = `kafka-${broker.node}`;
      const base = join(folder, name);
      const config = join(base, 'server.properties');
      await mkdir(base, { recursive: true });
      await writeFile(config, properties(broker, { brokers, fronts, data: join(base, 'data') }));
      // A copy: the set may outlive this checkout.
      await copyFile(join(here, 'log4j2.properties'), join(base, 'log4j2.properties'));
      await run([
        ...java(jars, base),
        ...briefly,
        'kafka.tools.StorageTool',
        'format',
        // One word: the id may begin with a dash.
        `--cluster-id=${clusterId}`,
        '-c',
        config,
        '--ignore-formatted',
      ]);
      const command = [...java(jars, base), `-Xmx${heapMax}`, '-Xms128m', 'kafka.Kafka', config];
      return { name, kind: 'kafka', port: broker.port, command } satisfies ServerRecord;
    }),
  );
  return { servers, fronts };
}

/** The broker says itself when clients can use it: it is up, and its controllers know it. */
export function isKafkaReady(folder: string, { name, fromByte }: { name: string; fromByte: number }): boolean {
  return readFileSync(logOf(folder, name)).subarray(fromByte).includes(readyLine);
}

const java = (jars: string, base: string): readonly string[] => [
  programPath('java'),
  '-cp',
  join(jars, '*'),
  `-Dlog4j2.configurationFile=${join(base, 'log4j2.properties')}`,
];

function properties(
  own: Broker,
  {
    brokers,
    fronts,
    data,
  }: { readonly brokers: readonly Broker[]; readonly fronts: readonly KafkaFront[]; readonly data: string },
): string {
  const copies = Math.min(3, brokers.length);
  const inSync = Math.min(2, brokers.length);
  const lines = {
    'process.roles': 'broker,controller',
    'node.id': own.node,
    'controller.quorum.voters': brokers.map((each) => `${each.node}@127.0.0.1:${each.controllerPort}`).join(','),
    listeners: [
      `PLAINTEXT://127.0.0.1:${own.port}`,
      `CONTROLLER://127.0.0.1:${own.controllerPort}`,
      ...fronts.map(({ targetPort }, index) => `FRONT${index}://127.0.0.1:${targetPort}`),
    ].join(','),
    'advertised.listeners': [
      `PLAINTEXT://127.0.0.1:${own.port}`,
      ...fronts.map(({ port }, index) => `FRONT${index}://127.0.0.1:${port}`),
    ].join(','),
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'PLAINTEXT',
    'listener.security.protocol.map': [
      'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
      ...fronts.map((_, index) => `FRONT${index}:PLAINTEXT`),
    ].join(','),
    'log.dirs': data,
    // A broker that was killed is let in again after this.
    'broker.session.timeout.ms': 3000,
    'broker.heartbeat.interval.ms': 500,
    'group.initial.rebalance.delay.ms': 0,
    'group.min.session.timeout.ms': 1000,
    'auto.create.topics.enable': false,
    'default.replication.factor': copies,
    'min.insync.replicas': inSync,
    'offsets.topic.num.partitions': 6,
    'offsets.topic.replication.factor': copies,
    'transaction.state.log.num.partitions': 6,
    'transaction.state.log.replication.factor': copies,
    'transaction.state.log.min.isr': inSync,
    'share.coordinator.state.topic.num.partitions': 6,
    'share.coordinator.state.topic.replication.factor': copies,
    'share.coordinator.state.topic.min.isr': inSync,
    'log.segment.bytes': 64 * 1024 * 1024,
    'log.cleaner.dedupe.buffer.size': 16 * 1024 * 1024,
  };
  return `${Object.entries(lines)
    .map(([key, value]) => `${key}=${value}`)
    .join('\n')}\n`;
}

/** Downloaded once for a user of this machine; several who begin at the same time do no harm. */
async function kafkaJars(): Promise<string> {
  const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'hongyan');
  const jars = join(cache, `kafka-${version}`);
  if (existsSync(jars)) return jars;
  await mkdir(cache, { recursive: true });
  const unfinished = await mkdtemp(join(cache, 'kafka-'));
  await run([
    programPath('mvn'),
    '--batch-mode',
    '--quiet',
    '-Dstyle.color=never',
    '--file',
    join(here, 'pom.xml'),
    'dependency:copy-dependencies',
    '-DincludeScope=runtime',
    `-DoutputDirectory=${unfinished}`,
  ]).catch(async (error: Error) => {
    await rm(unfinished, { recursive: true });
    throw new Error(`Maven cannot get its jars: ${error.message}`, { cause: error });
  });
  try {
    await rename(unfinished, jars);
  } catch (error) {
    if (!existsSync(jars)) throw error;
    await rm(unfinished, { recursive: true });
  }
  return jars;
}
