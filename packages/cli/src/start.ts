// hongyan start: runs the server until a signal stops it.

import { aborted } from '@hongyan/base/abort';
import { systemClock } from '@hongyan/base/clock';
import { createLog, type LogLevel } from '@hongyan/base/log';
import type { ClusterSurroundings } from '@hongyan/server/compose/cluster/cluster';
import { startEmbedded } from '@hongyan/server/compose/embedded/embedded';
import type { StartedServer } from '@hongyan/server/compose/started-server';
import { dataLayout } from '@hongyan/server/config/data-layout';
import type { Config } from '@hongyan/server/config/options';
import { checkTls } from '@hongyan/server/config/tls';
import { ensureFolder } from '@hongyan/server/files/folder-access';
import type { Command } from './command.ts';
import { readDemoAccounts, signUpDemoAccounts } from './demo-accounts.ts';
import { program } from './program.ts';
import { onRollSignal, Stopped, stopSignal } from './stop-signal.ts';

export const start: Command = {
  name: 'start',
  usage: 'start',
  summary: 'Run the server: everything in one process, or one process of a cluster',
  details:
    'SIGTERM and SIGINT drain the server: it tells clients when to reconnect, answers the requests in flight, and exits with status 0.\nA second signal ends it at once with status 130. Acknowledged messages are stored in both cases.\nSIGUSR2 replaces gateway processes (--gateways) one by one, without downtime.',
  examples: ['hongyan start --demo', 'hongyan start --listen 0.0.0.0:8080 --data /var/lib/hongyan'],
  switches: {
    demo: 'Create two demo accounts with random passwords, which are stored in the data folder',
  },
  async run({ config, sources, switches, readConfig }) {
    const log = createLog({ level: config.logLevel as LogLevel });
    await checkTls(config, systemClock);
    await ensureFolder(config.data);
    const accounts = switches.has('demo') ? await readDemoAccounts(config.data) : [];
    // From the beginning on: a signal while the server starts stops it too.
    const signal = stopSignal();
    const started = Promise.withResolvers<StartedServer>();
    // [O22] A signal during the start takes effect after it, because a certificate may have been read already.
    onRollSignal(() => {
      started.promise
        .then((server) => server.roll())
        .catch((error: unknown) => log.error('failed to replace the gateways', { error }));
    });
    const running = await startProfile(config, { log, clock: systemClock, program, sources, readConfig, signal }).catch(
      (error: unknown) => {
        if (!(signal.reason instanceof Stopped)) throw error;
        // Processes of its own may have had the signal too, and ended before they were ready.
        if (error !== signal.reason) log.warn('the start failed while it was cancelled', { error });
        return signal.reason;
      },
    );
    if (running instanceof Stopped) {
      log.info('start cancelled', { signal: running.signal });
      return 0;
    }
    // A process of a cluster without the role gateway has no address for clients.
    const shown = await signUpDemoAccounts(running.url ?? '', running.url === undefined ? [] : accounts).catch(
      async (error: unknown) => {
        // Clients may be connected already, and running.json names this process.
        await running.stop();
        throw error;
      },
    );
    console.log(
      running.url === undefined ? `Hongyan is ready: ${config.roles}` : `Hongyan is ready: open ${running.url}`,
    );
    for (const line of shown) console.log(`  ${line}`);
    if (running.operatorUrl !== undefined)
      console.log(`  for operators: ${running.operatorUrl}   token: in ${dataLayout(config.data).operatorToken}`);
    log.info('started', { url: running.url, operatorUrl: running.operatorUrl, data: config.data });
    started.resolve(running);
    const code = await Promise.race([
      aborted(signal).catch(() => 0),
      running.handedOver.then(() => 0),
      running.died.then(() => 1),
    ]);
    log.info('draining');
    await running.stop();
    log.info('stopped');
    return code;
  },
};

/** The clients of MySQL, Kafka and Redis take longer to load than all the rest, so only a cluster loads them. */
async function startProfile(config: Config, surroundings: ClusterSurroundings): Promise<StartedServer> {
  if (config.profile !== 'cluster') return startEmbedded(config, surroundings);
  const { startCluster } = await import('@hongyan/server/compose/cluster/cluster');
  return startCluster(config, surroundings);
}
