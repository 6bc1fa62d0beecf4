// Topics with too few replicas, on three brokers: a topic that was created while two were missing is logged.

import { afterAll, beforeAll, expect, test } from 'bun:test';
import { type Log, type LogFields, silentLog } from '@hongyan/base/log';
import { describeWith, ownServices } from '@hongyan/testing/services';
import { ensureCommandsTopic } from '../../ports/command-log/kafka-command-log.ts';
import { warnOfFewCopies } from './topic-copies.ts';
import { ensureTopics } from './topics.ts';

describeWith(['kafka'], 'copies of topics', () => {
  let services: Awaited<ReturnType<typeof ownServices>>;
  beforeAll(async () => {
    services = await ownServices({ parts: ['kafka'], brokers: 3 });
  });
  afterAll(() => services.down());

  const optionsOf = (prefix: string) => ({
    brokers: services.addresses.kafka?.brokers ?? [],
    ...{ clientId: 'copies', prefix },
  });
  const logging = () => {
    const lines: { readonly message: string; readonly fields: LogFields | undefined }[] = [];
    const log: Log = { ...silentLog, warn: (message, fields) => lines.push({ message, fields }) };
    return { lines, log };
  };
  const topic = { name: 'commands', partitions: 2, retentionMs: 3_600_000 };

  test('a start logs a topic that has fewer replicas than the brokers allow, and the remedy', async () => {
    const kafka = optionsOf('early.');
    await ensureTopics(kafka, [{ ...topic, replicas: 1 }]);
    const { lines, log } = logging();
    await ensureCommandsTopic(kafka, { contentBytesMax: 1024, log });
    expect(lines.map(({ fields }) => fields)).toEqual([
      {
        ...{ topic: 'early.commands', copies: 1, 'min.insync.replicas': 1 },
        wanted: { copies: 3, 'min.insync.replicas': 2 },
        mend: expect.stringMatching(
          /reassign-partitions.*, then kafka-configs.*early\.commands.*min\.insync\.replicas=2$/,
        ),
      },
    ]);
  });

  test('it logs nothing for a topic that was created with all brokers', async () => {
    const { lines, log } = logging();
    await ensureCommandsTopic(optionsOf('late.'), { contentBytesMax: 1024, log });
    expect(lines).toEqual([]);
  });

  test('it logs a warning and continues when the brokers do not answer', async () => {
    const { lines, log } = logging();
    await warnOfFewCopies(optionsOf(''), { topics: ['no name of a topic'], log });
    expect(lines.map(({ message }) => message)).toEqual(['failed to check the copies of topics']);
  });
});
