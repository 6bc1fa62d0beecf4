// The client of Kafka from inside an executable: started where there is no node_modules, it talks to a broker.

import { afterAll, beforeAll, expect, test } from 'bun:test';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Scratch } from '@hongyan/testing/scratch';
import { describeWith } from '@hongyan/testing/services';
import { kafkaInside } from './build.ts';

const adapter = join(import.meta.dir, '../packages/server/src/adapters/kafka');

/** Sends a record, reads it back and prints it. */
const program = `
import { systemClock } from '${join(import.meta.dir, '../packages/base/src/clock.ts')}';
import { silentLog } from '${join(import.meta.dir, '../packages/base/src/log.ts')}';
import { GroupConsumer } from '${adapter}/group-consumer.ts';
import { KafkaProducer } from '${adapter}/kafka-producer.ts';
import { ensureTopics } from '${adapter}/topics.ts';
const [brokers, prefix] = process.argv.slice(-2);
const kafka = { brokers: brokers.split(','), clientId: 'inside', prefix };
const [topic] = await ensureTopics(kafka, [{ name: 'inside', partitions: 1, replicas: 1, retentionMs: 60000 }]);
const producer = new KafkaProducer({ kafka, recordsMax: 10, bytesMax: 10000, clock: systemClock });
await producer.send({ topic: topic.name, key: 'a', value: Buffer.from('from inside') });
const read = Promise.withResolvers();
const consumer = new GroupConsumer({
  kafka, topic: topic.name, group: 'inside', sessionTimeoutMs: 6000, clock: systemClock, log: silentLog,
  async runPartition(reader) {
    reader.seek(0);
    const [record] = await reader.next();
    read.resolve(record);
  },
});
await consumer.start();
console.log((await read.promise).value.toString());
await consumer.close();
await producer.close();
`;

describeWith(['kafka'], 'an executable with the client of Kafka', ({ kafka }) => {
  let folder: string;
  let scratch: Scratch;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'hongyan-kafka-inside-'));
    scratch = new Scratch({ kafka });
  });
  afterAll(async () => {
    await scratch.remove();
    await rm(folder, { recursive: true, force: true });
  });

  test('it sends and reads without node_modules beside it', async () => {
    const source = join(folder, 'program.ts');
    await Bun.write(source, program);
    const outfile = join(folder, 'program');
    await Bun.build({ entrypoints: [source], target: 'bun', plugins: [kafkaInside], compile: { outfile } });
    const run = Bun.spawn([outfile, kafka.brokers.join(), `${scratch.prefix}.`], { cwd: '/', stderr: 'pipe' });
    const [out, err] = await Promise.all([new Response(run.stdout).text(), new Response(run.stderr).text()]);
    expect({ out: out.trim(), err }).toEqual({ out: 'from inside', err: '' });
  }, 60_000);
});
