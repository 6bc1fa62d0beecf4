// A whole cluster whose network is cut or slow between any two of its parts: between a core and MySQL, Kafka or Redis, between the
// gateways and a core, between a gateway and Redis; in both directions or in one.

import { afterAll, beforeAll, setDefaultTimeout, test } from 'bun:test';
import { Relay } from '@hongyan/testing/relay';
import { createRandom, testSeed } from '@hongyan/testing/seed';
import { describeWith } from '@hongyan/testing/services';
import { servicePort } from '@hongyan/testing/services/port';
import { clusterAddresses } from '../cluster-server.ts';
import { Siege } from './siege.ts';

setDefaultTimeout(500_000);

const random = createRandom(testSeed('network'));
const rounds = Number(process.env.HONGYAN_NETWORK_ROUNDS ?? 1);
/** From what nobody notices to what costs a core its partitions. */
const troubleMsMax = 8_000;
const slowMs = 60;

const troubles: readonly { readonly what: string; readonly begin: (relay: Relay) => void }[] = [
  { what: 'cut', begin: (relay) => relay.cut() },
  { what: 'cut one way', begin: (relay) => relay.cut('there') },
  { what: 'cut the other way', begin: (relay) => relay.cut('back') },
  { what: 'slow', begin: (relay) => relay.slow(slowMs) },
];
const links = [
  'a core and MySQL',
  'a core and Kafka',
  'a core and Redis',
  'gateways and a core',
  'a gateway and Redis',
];

describeWith(['mysql', 'kafka', 'redis'], 'a cluster whose network breaks', () => {
  let siege: Siege;
  const relays: Relay[] = [];

  /** One core and one gateway behind relays, and one of each that reach everything. */
  beforeAll(async () => {
    siege = await Siege.start({ name: 'n', random, cores: 1, gateways: 1, fronts: 1 });
    const { cluster, services } = siege;
    const addresses = clusterAddresses(services);
    const [front] = addresses?.kafka.fronts ?? [];
    if (addresses === undefined || front === undefined) throw new Error('there is no place for a relay before Kafka');
    const linkPort = servicePort();
    const redis = { targetPort: services.server('redis').port };
    const [mysql, kafka, ofCore, link, ofGateway] = await Promise.all([
      Relay.open({ targetPort: addresses.mysql.port }),
      Relay.open(front),
      Relay.open(redis),
      Relay.open({ targetPort: linkPort }),
      Relay.open(redis),
    ]);
    relays.push(mysql, kafka, ofCore, link, ofGateway);
    const places = {
      mysql: { ...addresses.mysql, port: mysql.port },
      kafka: { brokers: [`127.0.0.1:${kafka.port}`] },
      redis: { address: `127.0.0.1:${ofCore.port}` },
    };
    await cluster.startCore({
      ...cluster.placesAt(places),
      HONGYAN_LINK_LISTEN: `127.0.0.1:${linkPort}`,
      HONGYAN_LINK_ADDRESS: `127.0.0.1:${link.port}`,
    });
    await cluster.startGateway({
      env: cluster.placesAt({ ...places, redis: { address: `127.0.0.1:${ofGateway.port}` } }),
    });
  });
  afterAll(async () => {
    for (const relay of relays) relay.close();
    await siege?.end();
  });

  for (let round = 0; round < rounds; round++)
    for (const [index, between] of links.entries()) {
      const { what, begin } = pickFrom(troubles);
      test(`[D1][D2][D3][D4][D5][D7] ${what} between ${between}`, () =>
        siege.fault(
          `${what} between ${between}`,
          async () => {
            const relay = relays[index];
            if (relay === undefined) throw new Error('each link has a relay');
            begin(relay);
            await siege.moment(troubleMsMax);
            relay.heal();
          },
          { isLossReported: true },
        ));
    }
});

function pickFrom<T>(items: readonly T[]): T {
  const item = items[Math.floor(random() * items.length)];
  if (item === undefined) throw new Error('nothing to pick from');
  return item;
}
