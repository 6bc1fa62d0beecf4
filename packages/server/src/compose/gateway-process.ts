// One gateway process: a gateway whose core is in the process that started it. It does not outlive that one.

import { systemClock } from '@hongyan/base/clock';
import { createLog, type LogLevel } from '@hongyan/base/log';
import { connectCore } from '../transport/link/client-end.ts';
import { openGateway } from './gateway.ts';
import type { FromGatewayProcess, ToGatewayProcess } from './gateway-messages.ts';

/** Resolves with the exit code. */
export function runGatewayProcess(): Promise<number> {
  if (!process.send) {
    console.error('hongyan: gateway processes are started by hongyan start --gateways');
    return Promise.resolve(2);
  }
  return new Promise((resolve) => {
    let begun: Promise<() => Promise<void>> | undefined;
    let isStopping = false;
    const stop = async () => {
      if (isStopping) return;
      isStopping = true;
      const end = await begun?.catch(() => undefined);
      await end?.();
      resolve(0);
    };
    process.on('message', (message: ToGatewayProcess) => {
      if (message.type === 'stop') return void stop();
      if (message.type === 'ask') return tell({ type: 'alive' });
      begun = begin(message);
      begun.then(
        () => tell({ type: 'ready' }),
        (error: unknown) => {
          tell({ type: 'failed', message: error instanceof Error ? error.message : String(error) });
          resolve(1);
        },
      );
    });
    // The core's process is gone, and with it everything that this one could answer.
    process.on('disconnect', () => resolve(1));
    // A terminal's Ctrl-C reaches every process of its group: the same stop that the core's process then asks for.
    process.on('SIGINT', () => void stop());
    process.on('SIGTERM', () => void stop());
    // A closing terminal sends it to the core's process too, which drains or, under nohup, goes on: that one decides.
    process.on('SIGHUP', () => {});
  });
}

/** Resolves, when the gateway listens, with what drains and closes it. */
async function begin({
  config,
  node,
  socketPath,
}: Extract<ToGatewayProcess, { type: 'begin' }>): Promise<() => Promise<void>> {
  const clock = systemClock;
  const log = createLog({ level: config.logLevel as LogLevel, fields: { node } });
  const { linkTimeoutMs: timeoutMs, linkInFlightMax: inFlightMax } = config;
  const client = await connectCore({ socketPath, node, clock, log, timeoutMs, inFlightMax });
  const { core, bus, isUp } = client;
  const place = { core, bus, node, isPortShared: true, isCoreReachable: isUp };
  const gateway = await openGateway(config, { log, clock }, place);
  return async () => {
    await gateway.stop(config.drainMs);
    await client.close();
  };
}

const tell = (message: FromGatewayProcess): void => {
  process.send?.(message);
};
