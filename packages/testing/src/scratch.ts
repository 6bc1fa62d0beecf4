// What one test makes on servers that it shares with others: databases, topics and keys whose names begin with a prefix of its own, all
// removed at its end.

import { Admin } from '@platformatic/kafka';
import { Cluster, Redis } from 'ioredis';
import { createConnection } from 'mysql2/promise';
import type { Addresses } from './services/state.ts';

export interface ScratchDatabase {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

export class Scratch {
  /** Names of topics, groups and keys begin with it. Letters and digits: right for all of them. */
  readonly prefix = `t${Buffer.from(crypto.getRandomValues(new Uint8Array(6))).toString('hex')}`;
  readonly #addresses: Addresses;
  readonly #databases: ScratchDatabase[] = [];

  constructor(addresses: Addresses) {
    this.#addresses = addresses;
  }

  /** An empty database, with a user that is granted it alone. */
  async database(name: string): Promise<ScratchDatabase> {
    const { host, port } = this.#mysql();
    const database = `${this.prefix}_${name}`;
    const made = { host, port, user: database, password: this.prefix, database };
    this.#databases.push(made);
    await this.#asAdmin([
      `CREATE DATABASE ${database} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin`,
      `CREATE USER '${database}'@'%' IDENTIFIED BY '${made.password}'`,
      `GRANT ALL ON ${database}.* TO '${database}'@'%'`,
    ]);
    return made;
  }

  async remove(): Promise<void> {
    await Promise.all([this.#removeDatabases(), this.#removeFromKafka(), this.#removeKeys()]);
  }

  async #removeDatabases(): Promise<void> {
    const made = this.#databases.splice(0);
    if (made.length === 0) return;
    await this.#asAdmin(
      made.flatMap(({ database, user }) => [
        `DROP DATABASE IF EXISTS ${database}`,
        `DROP USER IF EXISTS '${user}'@'%'`,
      ]),
    );
  }

  async #removeFromKafka(): Promise<void> {
    const { kafka } = this.#addresses;
    if (!kafka) return;
    const admin = new Admin({ clientId: this.prefix, bootstrapBrokers: [...kafka.brokers] });
    try {
      const topics = (await admin.listTopics()).filter((name) => name.startsWith(this.prefix));
      if (topics.length > 0) await admin.deleteTopics({ topics });
      const groups = [...(await admin.listGroups()).keys()].filter((name) => name.startsWith(this.prefix));
      if (groups.length > 0) await admin.deleteGroups({ groups });
    } finally {
      await admin.close();
    }
  }

  async #removeKeys(): Promise<void> {
    const { redis, redisCluster } = this.#addresses;
    if (redis) {
      const client = new Redis(`redis://${redis.address}`);
      await this.#removeKeysOf(client);
      client.disconnect();
    }
    if (redisCluster) {
      const client = new Cluster(redisCluster.addresses.map((address) => `redis://${address}`));
      await new Promise<void>((resolve, reject) => client.once('ready', resolve).once('error', reject));
      for (const node of client.nodes('master')) await this.#removeKeysOf(node);
      client.disconnect();
    }
  }

  async #removeKeysOf(client: Redis): Promise<void> {
    for await (const keys of client.scanStream({ match: `${this.prefix}*`, count: 1000 })) {
      // One by one: those of a cluster's node may lie in many slots.
      await Promise.all((keys as string[]).map((key) => client.unlink(key)));
    }
  }

  #mysql() {
    const { mysql } = this.#addresses;
    if (!mysql) throw new Error('this test did not ask for mysql: add it to what describeWith gets');
    return mysql;
  }

  async #asAdmin(statements: readonly string[]): Promise<void> {
    const connection = await createConnection({ ...this.#mysql() });
    try {
      for (const statement of statements) await connection.query(statement);
    } finally {
      await connection.end();
    }
  }
}
