// Several gateway processes in front of the core of this process: started together, restarted when they exit, drained first.

import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type Address, formatAddress, parseAddress, reachableUrl } from '@hongyan/base/address';
import { type Clock, sleep } from '@hongyan/base/clock';
import type { Log, LogLevels } from '@hongyan/base/log';
import { listen } from 'bun';
import type { Config } from '../../config/options.ts';
import { listenFailure } from '../../http/listen-failure.ts';
import type { ProfiledProcess } from '../../profiles/profiled-process.ts';
import { limitedCore } from '../../roles/core/limited-core.ts';
import type { Connections } from '../../roles/operator/connections.ts';
import { type Health, healthy } from '../../roles/operator/health.ts';
import type { ServerProcess } from '../../roles/operator/processes.ts';
import { type CoreServer, serveCore } from '../../transport/link/core-server.ts';
import type { OpenCore } from '../embedded/embedded-core.ts';
import type { DrainTimes } from '../embedded/hand-over.ts';
import type { OpenProfiles } from '../operator/profiles.ts';
import type { Surroundings } from '../surroundings.ts';
import { GatewaySlot } from './slot.ts';
import { spawnGateway } from './spawn.ts';

/** A path of a Unix socket has 108 bytes, its final zero included. */
const socketPathBytesMax = 107;
/** Gateways of a server that was killed a moment ago may still be about to exit. */
const portFreeWithinMs = 2_000;
const portPollMs = 50;
const socketName = 'core.sock';
/** As long as the longest of the sockets there. */
const longestName = 'gateway-64.sock';

export class GatewaySupervisor {
  readonly url: string;
  readonly #slots: readonly GatewaySlot[];
  readonly #server: CoreServer;
  readonly #folder: string;
  #isStopping = false;
  readonly #log: Log;
  /** A second call while one is under way is the same. */
  #rolling: Promise<void> | undefined;

  private constructor(parts: {
    readonly url: string;
    readonly slots: readonly GatewaySlot[];
    readonly server: CoreServer;
    readonly folder: string;
    readonly log: Log;
  }) {
    this.url = parts.url;
    this.#slots = parts.slots;
    this.#server = parts.server;
    this.#folder = parts.folder;
    this.#log = parts.log;
  }

  /** Rejects when one of the processes cannot start; the others are ended then. */
  static async start(
    config: Config,
    {
      log,
      clock,
      program,
      onPassed,
      live,
    }: Surroundings &
      Pick<OpenProfiles, 'onPassed'> & {
        readonly log: LogLevels;
        readonly program: readonly string[];
        /** The configuration in force. */
        readonly live: () => Config;
      },
    { core, bus, limits }: OpenCore,
  ): Promise<GatewaySupervisor> {
    const address = parseAddress(config.listen);
    const { hostname } = address;
    const port = await reservePort(address, clock);
    const folder = await runtimeFolder(config.data);
    const socketPath = join(folder, socketName);
    const server = await serveCore({
      core: limitedCore(core, limits),
      bus,
      listen: { type: 'socket', path: socketPath },
      backlogBytesMax: config.linkBacklogBytesMax,
      clock,
      log,
    });
    const ofChild = { ...config, listen: formatAddress({ hostname, port }) };
    const slots = Array.from({ length: config.gateways }, (_, index) => {
      const node = `gateway-${index + 1}`;
      const begin = {
        type: 'begin',
        config: ofChild,
        node,
        socketPath,
        operatorPath: join(folder, `${node}.sock`),
      } as const;
      const inForce = () => ({ level: log.level, config: live() });
      return new GatewaySlot({ begin, inForce, spawn: spawnGateway(program), onPassed, log, clock });
    });
    const url = reachableUrl({ hostname, port, isTls: config.tlsCert !== '' });
    const supervisor = new GatewaySupervisor({ url, slots, server, folder, log });
    try {
      await Promise.all(slots.map((slot) => slot.start()));
      return supervisor;
    } catch (error) {
      await supervisor.stop();
      throw error;
    }
  }

  /** Where clients are: not in this process. */
  readonly connections: Connections = { list: () => [], closeSession: () => false };

  sendInForce(): void {
    for (const slot of this.#slots) slot.sendInForce();
  }

  /** Those that run. */
  get processes(): readonly ServerProcess[] {
    return this.#slots
      .filter(({ isRunning }) => isRunning)
      .map(({ node, operatorPath: unix }) => ({
        name: node,
        fetch: (path, init = {}) => fetch(`http://${node}${path}`, { ...init, unix }),
      }));
  }

  readonly ackSeconds = undefined;

  get profilers(): readonly ProfiledProcess[] {
    return this.#slots.filter(({ isRunning }) => isRunning).map(({ profiler }) => profiler);
  }

  /** Of the first to end. */
  get certificateEndsAtMs(): number | undefined {
    const ends = this.#slots.map(({ certificateEndsAtMs }) => certificateEndsAtMs ?? Number.POSITIVE_INFINITY);
    const first = Math.min(...ends);
    return Number.isFinite(first) ? first : undefined;
  }

  /** While some are between two processes, the others serve. */
  get health(): Health {
    if (this.#isStopping) return { status: 'failed', reason: 'draining' };
    const down = this.#slots.filter(({ isRunning }) => !isRunning).map(({ node }) => node);
    if (down.length === 0) return healthy;
    const status = down.length === this.#slots.length ? 'failed' : 'degraded';
    return { status, reason: `not running, restarting: ${down.join(', ')}` };
  }

  /** [O22] One after another, so that the others serve meanwhile. Rejects at the first that does not start: the rest stay as they are. */
  roll(): Promise<void> {
    this.#rolling ??= this.#roll().finally(() => {
      this.#rolling = undefined;
    });
    return this.#rolling;
  }

  async #roll(): Promise<void> {
    for (const slot of this.#slots) await slot.roll();
    this.#log.info('gateway processes replaced', { gateways: this.#slots.length });
  }

  /** Resolves when all gateways have drained and exited. `drain` is as configured where it is absent. */
  async stop(drain?: DrainTimes): Promise<void> {
    this.#isStopping = true;
    await Promise.all(this.#slots.map((slot) => slot.stop(drain)));
    await this.#server.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** For this user alone: in the data folder, or in the temporary folder when the path would be too long for a socket. */
async function runtimeFolder(data: string): Promise<string> {
  const folder = resolve(data, 'run');
  if (Buffer.byteLength(join(folder, longestName)) > socketPathBytesMax) return mkdtemp(join(tmpdir(), 'hongyan-'));
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { mode: 0o700 });
  return folder;
}

/**
 * The gateways share their port with any process that asks to share it, so only a free port is given to them: two servers on one
 * port would each get some of the clients.
 */
async function reservePort(address: Address, clock: Clock): Promise<number> {
  const deadlineMs = clock.monotonicMs() + portFreeWithinMs;
  for (;;) {
    try {
      return probePort(address);
    } catch (error) {
      const isTaken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
      if (!isTaken || clock.monotonicMs() > deadlineMs) throw listenFailure(error, address, '--listen');
    }
    await sleep(clock, { delayMs: portPollMs });
  }
}

function probePort(address: Address): number {
  const probe = listen({ ...address, socket: { data() {} } });
  const { port } = probe;
  probe.stop(true);
  return port;
}
