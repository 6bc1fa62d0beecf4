// The database users of the services as deploy/mysql makes them: each runs its service, and is refused everything else.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { systemClock } from '@hongyan/base/clock';
import { silentLog } from '@hongyan/base/log';
import { MysqlPool } from '@hongyan/server/adapters/mysql/pool';
import { openMysqlAccess } from '@hongyan/server/ports/access/mysql-access';
import { openMysqlDevices } from '@hongyan/server/ports/devices/mysql-devices';
import { openMysqlDirectory } from '@hongyan/server/ports/directory/mysql-directory';
import { openMysqlEventLog } from '@hongyan/server/ports/event-log/mysql-event-log';
import { rejectionOf } from '@hongyan/testing/rejection';
import { describeWith } from '@hongyan/testing/services';

setDefaultTimeout(60_000);

describeWith(['mysql'], 'a database user for each service', ({ mysql }) => {
  const environment = { clock: systemClock, random: Math.random, log: silentLog };
  const cluster = `test${randomUUID().slice(0, 8)}`;
  const password = randomUUID();
  const optionsOf = (service: string) => ({
    ...{ host: mysql.host, port: mysql.port, user: `${cluster}_${service}`, password },
    database: `${cluster}_${service}`,
    limits: { connectionsMax: 2, idleMin: 0 },
  });
  let admin: MysqlPool;
  let services: readonly string[] = [];

  beforeAll(async () => {
    admin = await MysqlPool.open({ ...mysql, database: 'mysql' }, environment);
    const file = await Bun.file(join(import.meta.dir, '../../deploy/mysql/service-users.sql')).text();
    const statements = file
      .replaceAll(/^--.*$/gm, '')
      .replaceAll('CHANGE-ME', password)
      .replaceAll('hongyan', cluster)
      .split(';')
      .map((statement) => statement.trim())
      .filter((statement) => statement !== '');
    for (const statement of statements) await admin.write(statement);
    services = [...file.matchAll(/create database if not exists hongyan_(\w+)/g)].map(([, service = '']) => service);
  });

  afterAll(async () => {
    for (const service of services) {
      await admin.write(`drop database if exists ${cluster}_${service}`);
      await admin.write(`drop user if exists '${cluster}_${service}'@'%'`);
    }
    await admin.close();
  });

  test('[T18] each service makes its tables and works with its own user', async () => {
    const devices = await openMysqlDevices(optionsOf('devices'), environment);
    const directory = await openMysqlDirectory(optionsOf('directory'), environment);
    const access = await openMysqlAccess({ ...environment, mysql: optionsOf('access'), revocationsMax: 10 });
    const events = await openMysqlEventLog({ ...environment, mysql: optionsOf('events'), queueMax: 10, batchMax: 10 });
    expect(await devices.total()).toBe(0);
    expect(await access.findKey('none')).toBeUndefined();
    for (const store of [devices, directory, access, events]) await store.close();
  });

  test('[T18] the server refuses a service the tables of every other one, for reading and for writing', async () => {
    expect(services.length).toBeGreaterThan(3);
    for (const service of services) await admin.write(`create table if not exists ${cluster}_${service}.own(no int)`);
    for (const service of services) {
      const pool = await MysqlPool.open(optionsOf(service), environment);
      await pool.write('insert into own(no) values(1)');
      for (const other of services.filter((each) => each !== service)) {
        const table = `${cluster}_${other}.own`;
        for (const statement of [
          `select no from ${table}`,
          `insert into ${table}(no) values(2)`,
          `drop table ${table}`,
        ])
          expect([statement, String(await rejectionOf(pool.write(statement)))]).toEqual([
            statement,
            expect.stringContaining('denied'),
          ]);
      }
      await pool.close();
    }
  });
});
