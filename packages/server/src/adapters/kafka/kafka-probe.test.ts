// Whether brokers answer, and the message when none does.

import { expect, test } from 'bun:test';
import { systemClock } from '@hongyan/base/clock';
import { describeWith } from '@hongyan/testing/services';
import { until } from '@hongyan/testing/until';
import { KafkaProbe } from './kafka-probe.ts';

describeWith(['kafka'], 'the probe of Kafka', ({ kafka }) => {
  test('finds nothing wrong while a broker answers, however many ask at once', async () => {
    const probe = new KafkaProbe({ brokers: kafka.brokers, clientId: 'probed', prefix: 'probed.' }, systemClock);
    // A broker that has other work may be late.
    const found = async () => new Set(await Promise.all([probe.problem(), probe.problem()]));
    await until(async () => [...(await found())].every((problem) => problem === undefined), { withinMs: 60_000 });
    await probe.close();
  }, 90_000);
});

test('says within a second that no broker answers', async () => {
  const probe = new KafkaProbe({ brokers: ['127.0.0.1:1'], clientId: 'probed', prefix: 'probed.' }, systemClock);
  expect(await probe.problem()).toMatch(/^no broker /);
  expect(await probe.problem()).toMatch(/^no broker /);
  await probe.close();
});
