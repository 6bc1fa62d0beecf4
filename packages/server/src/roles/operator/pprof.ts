// Profiles of the moment under the addresses that Go's tools know: go tool pprof URL, Pyroscope's scrape, speedscope, DevTools.

import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '@hongyan/base/clock';
import { type Result, refusal } from '@hongyan/protocol/refusals';
import type { Captures } from '../../profiles/captures.ts';
import {
  cpuStacks,
  gzippedPprof,
  heapProfile,
  mainThread,
  type ProfiledProcess,
} from '../../profiles/profiled-process.ts';
import { pprofIndex } from './pprof-index.ts';
import type { OperatorRequest, OperatorRoute } from './route.ts';

/** As Go's tools ask when they are told nothing. */
const secondsDefault = 30;
const secondsMax = 300;

export function pprofRoutes(captures: Pick<Captures, 'processes'>, clock: Clock): readonly OperatorRoute[] {
  const withProcess =
    (handle: (process: ProfiledProcess, request: OperatorRequest) => Promise<Response | Result<never>>) =>
    (request: OperatorRequest) => {
      const named = request.query.get('process');
      const process = captures.processes.find(({ name }) => named === null || name === named);
      return process ? handle(process, request) : refusal.noSuch(`process ${named?.slice(0, 64)}`);
    };
  const index = () => pprofIndex(captures.processes.map(({ name }) => name));
  return [
    { method: 'GET', path: '/debug/pprof', handle: index },
    { method: 'GET', path: '/debug/pprof/', handle: index },
    { method: 'GET', path: '/debug/pprof/profile', isSlow: true, handle: withProcess(cpu) },
    {
      method: 'GET',
      path: '/debug/pprof/heap',
      isSlow: true,
      handle: withProcess(async (process, { query }) => {
        const heap = await process.heap({ isFull: query.get('full') === '1' });
        if (heap.type !== 'ok') return heap;
        return download(
          gzippedPprof(heapProfile(process.name, heap.value, clock.nowMs())),
          `${process.name}.heap.pb.gz`,
        );
      }),
    },
    { method: 'GET', path: '/debug/pprof/heapsnapshot', isSlow: true, handle: withProcess(heapSnapshot) },
  ];
}

/** `format=cpuprofile`: that of one thread, for DevTools, which knows one alone. */
async function cpu(process: ProfiledProcess, { query, signal }: OperatorRequest): Promise<Response | Result<never>> {
  const seconds = Number(query.get('seconds') ?? secondsDefault);
  if (!(seconds > 0 && seconds <= secondsMax))
    return refusal.invalid(
      `seconds must be a number above 0 and at most ${secondsMax}, not "${query.get('seconds')?.slice(0, 32)}"`,
    );
  const taken = await process.cpu({ seconds, signal });
  if (taken.type !== 'ok') return taken;
  if (query.get('format') !== 'cpuprofile')
    return download(gzippedPprof(cpuStacks(process.name, taken.value)), `${process.name}.cpu.pb.gz`);
  const thread = query.get('thread') ?? mainThread;
  const found = taken.value.find((each) => each.thread === thread);
  if (!found)
    return refusal.noSuch(
      `thread ${thread.slice(0, 64)}: there are ${taken.value.map((each) => each.thread).join(', ')}`,
    );
  return download(JSON.stringify(found.profile), `${process.name}-${thread}.cpuprofile`);
}

/** Through a file: a snapshot may be larger than what processes should send each other. */
async function heapSnapshot(process: ProfiledProcess): Promise<Response | Result<never>> {
  const path = join(tmpdir(), `hongyan-${crypto.randomUUID()}.heapsnapshot`);
  try {
    const written = await process.heapSnapshot(path);
    if (written.type !== 'ok') return written;
    return download(await Bun.file(path).bytes(), `${process.name}.heapsnapshot`);
  } finally {
    await rm(path, { force: true });
  }
}

const download = (body: string | Uint8Array<ArrayBuffer>, name: string): Response =>
  new Response(body, {
    headers: {
      'content-type': 'application/octet-stream',
      'content-disposition': `attachment; filename="${name}"`,
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-store',
    },
  });
