// Devices in a cluster: signed batches over HTTP to a gateway, through Kafka, stored in MySQL by a worker. Each role is a process, the
// generator is this one. bun bench/cluster-devices.ts [devices] [batch] [connections]

import { systemClock } from '@hongyan/base/clock';
import { registerMany } from '@hongyan/load/registrations';
import { apiKeyBytes, hashOfSecret, newApiKey } from '@hongyan/server/domain/api-key';
import { openMysqlAccess } from '@hongyan/server/ports/access/mysql-access';
import { openMysqlDevices } from '@hongyan/server/ports/devices/mysql-devices';
import { ClusterNodes, costOf } from './cluster/nodes.ts';

const [count = 400_000, batchSize = 100, connections = 32] = process.argv.slice(2).map(Number);
const warmUp = Math.min(count, 20_000);
const storedTimeoutMs = 300_000;
const environment = { clock: systemClock, random: Math.random };

const nodes = await ClusterNodes.open();
try {
  await nodes.start('core');
  await nodes.start('worker');
  const url = await nodes.start('gateway');
  const key = await createKey();
  const devices = await openMysqlDevices({ ...nodes.database('devices'), limits: { idleMin: 1 } }, environment);
  const store = async (batch: number, many: number) => {
    const storedBefore = await devices.total();
    const cpuBefore = nodes.cpu();
    const beganMs = performance.now();
    const measured = await registerMany({ url, ...key, connections, batchSize: batch }, { count: many, seconds: 600 });
    const wanted = storedBefore + measured.devices;
    while ((await devices.total()) < wanted) {
      if (performance.now() > beganMs + storedTimeoutMs)
        throw new Error(`${wanted} devices were accepted and ${await devices.total()} are stored`);
      await Bun.sleep(20);
    }
    const seconds = (performance.now() - beganMs) / 1_000;
    return {
      ...measured,
      storedPerS: measured.devices / seconds,
      cost: costOf(cpuBefore, nodes.cpu(), measured.devices),
    };
  };
  await store(batchSize, warmUp);
  for (const [batch, many] of [
    [batchSize, count],
    [1, Math.ceil(count / 10)],
  ] as const) {
    const { storedPerS, devices: accepted, seconds, p50Ms, p99Ms, errors, firstError, cost } = await store(batch, many);
    console.log(
      `batch ${batch}: ${Math.round(storedPerS)} devices/s stored, ${Math.round(accepted / seconds)}/s accepted, p50 ${p50Ms.toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms, errors ${errors} ${firstError}`,
    );
    console.log(`  CPU µs per device: ${cost.map(([name, us]) => `${name} ${us.toFixed(1)}`).join(', ')}`);
  }
  await devices.close();
} finally {
  await nodes.close();
}

async function createKey(): Promise<{ readonly keyId: string; readonly signingKey: string }> {
  const access = await openMysqlAccess({ ...environment, mysql: nodes.database('access'), revocationsMax: 10 });
  const { keyId, secret } = newApiKey(crypto.getRandomValues(new Uint8Array(apiKeyBytes)));
  const signingKey = hashOfSecret(secret);
  await access.createKey({
    ...{ keyId, name: 'bench', secretHash: signingKey, createdAtMs: Date.now() },
    scopes: ['devices:register'],
  });
  await access.close();
  return { keyId, signingKey };
}
