// What the timeline costs in MySQL: appends by one process and by four, and pages of history. On a server of its own, which is removed
// at the end.
// bun bench/mysql-timeline.ts [--rows n]

import { parseArgs } from 'node:util';
import { systemClock } from '@hongyan/base/clock';
import { createLog } from '@hongyan/base/log';
import { systemRandom } from '@hongyan/base/random';
import { createUuidV7 } from '@hongyan/base/uuid';
import { type Cpu, cpuBetween, cpuOf, cpuSum, machineBusyS } from '@hongyan/load/process-stats';
import type { ClientMsgId, ConversationId, MsgId, Seq, UserId } from '@hongyan/protocol/ids';
import { Scratch, type ScratchDatabase } from '@hongyan/testing/scratch';
import { ownServices } from '@hongyan/testing/services';
import { readState } from '@hongyan/testing/services/state';
import { openMysqlTimeline } from '../packages/server/src/ports/timeline/mysql-timeline.ts';
import type { NewEntry } from '../packages/server/src/ports/timeline/timeline.ts';
import { usPerItem } from './cost.ts';
import { machine } from './report.ts';

/** A writer's share of the conversations, in turn: every batch touches as many as it has entries. */
const conversationsEach = 2_500;
const textLength = 100;
const appendsUnderWay = 2;
const pages = 2_000;
const pageSize = 50;

interface Job {
  readonly database: ScratchDatabase;
  readonly partition: number;
  readonly batches: number;
  readonly batchSize: number;
}

async function open(database: ScratchDatabase) {
  const log = createLog({ level: 'warn' });
  return openMysqlTimeline({ mysql: database, clock: systemClock, random: systemRandom, log, appendsMax: 100 });
}

const conversationOf = (partition: number, no: number) => `g:${partition}:${no}` as ConversationId;

/** As a core does: it owns a partition, and the batch's position is committed with it. */
async function write({ database, partition, batches, batchSize }: Job): Promise<void> {
  const timeline = await open(database);
  const uuid = createUuidV7(systemClock.nowMs);
  const position = await timeline.claim(partition);
  const contentJson = JSON.stringify({ type: 'text', text: 'x'.repeat(textLength) });
  let no = 0;
  const entry = (): NewEntry => ({
    msgId: uuid() as MsgId,
    conversationId: conversationOf(partition, no++ % conversationsEach),
    from: `user${no % 1_000}` as UserId,
    clientMsgId: uuid() as ClientMsgId,
    timestampMs: Date.now(),
    contentJson,
    isCounted: true,
  });
  await timeline.append([entry()], { ...position, offset: position.offset + 1 });
  process.stdout.write('ready\n');
  for await (const _ of process.stdin) break;
  const before = process.cpuUsage();
  let begun = 0;
  await Promise.all(
    Array.from({ length: appendsUnderWay }, async () => {
      while (begun < batches) {
        const offset = position.offset + 1 + ++begun * batchSize;
        await timeline.append(Array.from({ length: batchSize }, entry), { ...position, offset });
      }
    }),
  );
  const { user, system } = process.cpuUsage(before);
  process.stdout.write(`${user + system}\n`);
  await timeline.close();
}

interface Figure {
  readonly what: string;
  readonly perS: number;
  readonly clientUs: number;
  readonly serverUs: number;
  readonly otherCores: number;
}

/** Processes of this program, each a writer of a partition of its own; measured from the moment when all are ready. */
async function measureAppends(
  database: ScratchDatabase,
  { writers, batchSize, rows, databasePid }: { writers: number; batchSize: number; rows: number; databasePid: number },
): Promise<Figure> {
  const batches = Math.ceil(rows / writers / batchSize);
  const children = Array.from({ length: writers }, (_, partition) => {
    const job: Job = { database, partition, batches, batchSize };
    return Bun.spawn([process.execPath, import.meta.path, '--job', JSON.stringify(job)], {
      stdin: 'pipe',
      stdout: 'pipe',
      stderr: 'inherit',
    });
  });
  const outputs = children.map(({ stdout }) => stdout.getReader());
  await Promise.all(outputs.map((output) => output.read()));
  const read = () => ({ atMs: performance.now(), busyS: machineBusyS(), database: cpuOf(databasePid) });
  const before = read();
  for (const { stdin } of children) {
    stdin.write('go\n');
    await stdin.end();
  }
  const spent = await Promise.all(outputs.map((output) => output.read()));
  const after = read();
  const elapsedS = (after.atMs - before.atMs) / 1000;
  const codes = await Promise.all(children.map(({ exited }) => exited));
  if (codes.some((code) => code !== 0)) throw new Error('a writer failed');
  const clientS = spent.reduce((sum, { value }) => sum + Number(new TextDecoder().decode(value)) / 1e6, 0);
  const databaseS = cpuSum(cpuBetween(before.database, after.database));
  const count = batches * batchSize * writers;
  return {
    what: `${writers} writer${writers > 1 ? 's' : ''}, batches of ${batchSize}`,
    perS: count / elapsedS,
    clientUs: usPerItem(clientS, count),
    serverUs: usPerItem(databaseS, count),
    otherCores: (after.busyS - before.busyS - clientS - databaseS) / elapsedS,
  };
}

async function measurePages(database: ScratchDatabase, databasePid: number): Promise<string> {
  const timeline = await open(database);
  try {
    const latencies: number[] = [];
    const [own, theirs] = [cpuOf(process.pid), cpuOf(databasePid)];
    for (let page = 0; page < pages; page++) {
      const conversationId = conversationOf(0, Math.floor(Math.random() * conversationsEach));
      const begunMs = performance.now();
      const { entries } = await timeline.range({
        conversationId,
        beforeSeq: Number.MAX_SAFE_INTEGER as Seq,
        limit: pageSize,
      });
      latencies.push(performance.now() - begunMs);
      if (entries.length === 0) throw new Error('an empty page');
    }
    latencies.sort((a, b) => a - b);
    const at = (share: number) => (latencies[Math.floor(latencies.length * share)] ?? 0).toFixed(2);
    const us = (before: Cpu, pid: number) => usPerItem(cpuSum(cpuBetween(before, cpuOf(pid))), pages).toFixed(0);
    return `page of ${pageSize}: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms; CPU ${us(own, process.pid)} µs here, ${us(theirs, databasePid)} µs in the database`;
  } finally {
    await timeline.close();
  }
}

/** Of all tables with their indexes, as the server estimates them. */
async function bytesPerRow(database: ScratchDatabase): Promise<string> {
  const timeline = await open(database);
  try {
    const tables = await timeline.pool.read<{ name: string; n: number; bytes: string }>(
      `select table_name name, table_rows n, data_length + index_length bytes from information_schema.tables
       where table_schema = database() and table_rows > 1000 order by bytes desc`,
    );
    return tables.map(({ name, n, bytes }) => `${name} ${Math.round(Number(bytes) / n)}`).join(', ');
  } finally {
    await timeline.close();
  }
}

async function main(rows: number): Promise<void> {
  console.log(machine());
  const set = await ownServices({ parts: ['mysql'] });
  const databasePid = readState(set.folder)?.servers[0]?.pid ?? 0;
  const scratch = new Scratch(set.addresses);
  try {
    const database = await scratch.database('bench');
    for (const batchSize of [200, 1_000])
      for (const writers of [1, 4]) {
        const figure = await measureAppends(database, { writers, batchSize, rows: rows / 4, databasePid });
        const { what, perS, clientUs, serverUs, otherCores } = figure;
        console.log(
          `${what}: ${Math.round(perS)}/s; CPU ${clientUs.toFixed(1)} µs here, ${serverUs.toFixed(1)} µs in the database per row; others ${otherCores.toFixed(2)} cores`,
        );
      }
    console.log(`${rows} rows; ${await measurePages(database, databasePid)}`);
    console.log(`bytes a row: ${await bytesPerRow(database)}`);
  } finally {
    await set.down();
  }
}

const { values } = parseArgs({ options: { rows: { type: 'string', default: '1000000' }, job: { type: 'string' } } });
if (values.job !== undefined) await write(JSON.parse(values.job) as Job);
else await main(Number(values.rows));
