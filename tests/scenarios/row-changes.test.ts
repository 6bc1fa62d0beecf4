// What somebody writes straight to the database is seen by those who read the cache: binary log → Debezium → Kafka → Redis.

import { expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import { systemClock } from '@hongyan/base/clock';
import { silentLog } from '@hongyan/base/log';
import type { DeviceToken, UserId } from '@hongyan/protocol/ids';
import { clientOptions } from '@hongyan/server/adapters/kafka/kafka-options';
import { MysqlPool } from '@hongyan/server/adapters/mysql/pool';
import { openTestClient, removeTestClient, testOptions } from '@hongyan/server/adapters/redis/testing/clients';
import { openMysqlDevices } from '@hongyan/server/ports/devices/mysql-devices';
import { DeviceLookup } from '@hongyan/server/ports/devices/redis/device-lookup';
import { encodeBatch } from '@hongyan/server/ports/devices/registration-batch';
import { DebeziumRowChanges } from '@hongyan/server/ports/row-changes/debezium-row-changes';
import { forgetChangedDevices } from '@hongyan/server/roles/worker/device-row-changes';
import { describeWith } from '@hongyan/testing/services';
import { until } from '@hongyan/testing/until';
import { Admin } from '@platformatic/kafka';
import { startConnect } from './connect.ts';

/** Half of what an entry of the cache lives. */
const followedMs = 15_000;

describeWith(['mysql', 'kafka', 'redis'], 'row changes', ({ mysql, kafka: { brokers }, redis }) => {
  test('[T19] a device that is changed in the database by hand is read anew long before its time in the cache is over', async () => {
    const cluster = `rows${randomUUID().slice(0, 8)}`;
    const database = `${cluster}_devices`;
    const environment = { clock: systemClock, random: Math.random };
    const kafka = { clientId: 'test', brokers, prefix: `${cluster}.` };
    const byHand = await MysqlPool.open({ ...mysql, database: 'mysql' }, environment);
    await byHand.write(`create database ${database}`);
    const client = await openTestClient(testOptions([redis.address]));
    const lookup = new DeviceLookup(client, silentLog);
    const devices = await openMysqlDevices({ ...mysql, database }, environment, lookup);
    const admin = new Admin(clientOptions(kafka));
    const topic = `${kafka.prefix}rows.${database}.device`;
    const connect = await startConnect({
      connect: { 'bootstrap.servers': brokers.join(','), listeners: 'http://127.0.0.1:0' },
      connector: {
        ...{ 'database.hostname': mysql.host, 'database.port': String(mysql.port) },
        ...{ 'database.user': mysql.user, 'database.password': mysql.password },
        'database.server.id': String(100_000 + Math.floor(Math.random() * 1e8)),
        ...{ 'database.include.list': database, 'table.include.list': `${database}.device` },
        'topic.prefix': `${kafka.prefix}rows`,
      },
    });
    const changes = new DebeziumRowChanges({ kafka, database, table: 'device', clock: systemClock, log: silentLog });
    try {
      const deviceToken = 'token-a' as DeviceToken;
      const registration = { deviceToken, model: 'P1', firmware: '1.0', registeredAtMs: 1_000, detailsJson: '' };
      await devices.register([encodeBatch([registration])]);
      await changes.follow(forgetChangedDevices(lookup));
      /** Kept in Redis, then changed behind the program's back; resolves whether the change was seen in time. */
      const isFollowed = async (owner: string) => {
        await devices.get(deviceToken);
        await byHand.write(`update ${database}.device set user_id = ? where token = ?`, [owner, deviceToken]);
        return until(async () => (await devices.get(deviceToken))?.userId === owner, { withinMs: followedMs }).then(
          () => true,
          () => false,
        );
      };
      let round = 0;
      // Debezium reads from where the log ended when it began.
      await until(
        async () => {
          await byHand.write(`update ${database}.device set user_id = 'user-${round++}'`);
          return hasRecords(admin, topic);
        },
        { withinMs: 150_000, what: `the first change; see ${connect.log}` },
      );
      for (let more = 0; more < 5; more++) expect(await isFollowed(`user-${round++}`)).toBe(true);
      await devices.lastSeen(['user-x' as UserId]);
      await byHand.write(
        `insert into ${database}.device(user_id, id, name, last_seen) values('user-y', 'phone', '', 5)`,
      );
      expect(Object.fromEntries(await devices.lastSeen(['user-y' as UserId]))).toEqual({ 'user-y': 5 });
      await byHand.write(`update ${database}.device set last_seen = 9 where user_id = 'user-y'`);
      await until(async () => (await devices.lastSeen(['user-y' as UserId])).get('user-y' as UserId) === 9);
    } finally {
      await changes.close();
      await connect.stop();
      await devices.close();
      await removeTestClient(client);
      await byHand.write(`drop database ${database}`);
      await byHand.close();
      await admin.deleteTopics({ topics: (await admin.listTopics()).filter((name) => name.startsWith(kafka.prefix)) });
      await admin.close();
    }
  }, 300_000);
});

async function hasRecords(admin: Admin, topic: string): Promise<boolean> {
  const [end] = await admin.listOffsets({
    topics: [{ name: topic, partitions: [{ partitionIndex: 0, timestamp: -1n }] }],
  });
  return (end?.partitions[0]?.offset ?? 0n) > 0n;
}
