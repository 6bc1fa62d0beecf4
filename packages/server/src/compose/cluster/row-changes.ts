// What others write to the tables of services, followed by a worker of a cluster.

import type { Config } from '../../config/options.ts';
import { mysqlServer } from '../../config/servers.ts';
import type { DeviceLookup } from '../../ports/devices/redis/device-lookup.ts';
import { DebeziumRowChanges } from '../../ports/row-changes/debezium-row-changes.ts';
import { forgetChangedDevices } from '../../roles/worker/device-row-changes.ts';
import type { Surroundings } from '../surroundings.ts';
import { kafkaOptions, orKafkaTrouble } from './kafka.ts';

/** Returns what ends it. */
export async function followRowChanges(
  config: Config,
  { log, clock }: Surroundings,
  { instance, lookup }: { readonly instance: string; readonly lookup: DeviceLookup },
): Promise<() => Promise<void>> {
  const { database } = mysqlServer(config, 'devices');
  const changes = new DebeziumRowChanges({
    kafka: kafkaOptions(config, instance),
    database,
    table: 'device',
    clock,
    log,
  });
  await orKafkaTrouble(config, changes.follow(forgetChangedDevices(lookup)));
  return () => changes.close();
}
