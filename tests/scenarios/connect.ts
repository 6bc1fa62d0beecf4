// Kafka Connect with Debezium as deploy/row-changes describes it, for one test: on the servers of tools/services.

import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';

const deploy = join(import.meta.dir, '../../deploy/row-changes');
const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'hongyan');

/** `settings` replace those of the files. Ends with `stop`. */
export async function startConnect({
  connect,
  connector,
}: {
  readonly connect: Readonly<Record<string, string>>;
  readonly connector: Readonly<Record<string, string>>;
}): Promise<{ readonly log: string; stop(): Promise<void> }> {
  const jars = await connectJars();
  const folder = await mkdtemp(join(tmpdir(), 'hongyan-connect-'));
  await writeProperties('connect.properties', folder, connect);
  await writeProperties('devices.properties', folder, connector);
  const log = join(folder, 'log');
  const child = Bun.spawn(
    [
      ...['java', '-Xmx256m', '-cp', join(jars, '*'), 'org.apache.kafka.connect.cli.ConnectStandalone'],
      ...['connect.properties', 'devices.properties'],
    ],
    { cwd: folder, stdin: 'ignore', stdout: Bun.file(log), stderr: Bun.file(log) },
  );
  return {
    log,
    async stop() {
      child.kill('SIGKILL');
      await child.exited;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function writeProperties(name: string, folder: string, settings: Readonly<Record<string, string>>) {
  const text = await Bun.file(join(deploy, name)).text();
  const lines = text.split('\n').map((line) => {
    const key = line.split('=')[0] ?? '';
    return settings[key] === undefined ? line : `${key}=${settings[key]}`;
  });
  const unknown = Object.keys(settings).find((key) => !lines.some((line) => line.startsWith(`${key}=`)));
  if (unknown !== undefined) throw new Error(`${name} has no ${unknown}`);
  await writeFile(join(folder, name), lines.join('\n'));
}

/** Downloaded once for a user of this machine. */
async function connectJars(): Promise<string> {
  const pom = join(deploy, 'pom.xml');
  const jars = join(cache, `row-changes-${Bun.hash.crc32(await Bun.file(pom).text())}`);
  if (existsSync(jars)) return jars;
  await mkdir(cache, { recursive: true });
  const unfinished = await mkdtemp(join(cache, 'row-changes-'));
  const { exited } = Bun.spawn(
    ['mvn', '-q', '-B', '-f', pom, 'dependency:copy-dependencies', `-DoutputDirectory=${unfinished}`],
    { stdin: 'ignore', stdout: 'inherit', stderr: 'inherit' },
  );
  if ((await exited) !== 0) throw new Error('the jars of Kafka Connect could not be downloaded by mvn');
  await rename(unfinished, jars).catch((error: unknown) => {
    if (!existsSync(jars)) throw error;
  });
  return jars;
}
