// The generator's process: runs the loads that the parent requests over IPC and returns numbers only.

import type { BenchConnection } from '@hongyan/load/connection';
import { type Load, Pair, runDirect } from '@hongyan/load/direct';
import type { UserId } from '@hongyan/protocol/ids';
import { type BacklogRequest, runBacklog } from './backlog.ts';
import { type FanoutRequest, Group } from './fanout.ts';
import { type HistoryRequest, runHistory } from './history.ts';
import { HotGroup, type HotGroupRequest } from './hot-group.ts';
import { type HttpRequest, runHttp } from './http.ts';
import { type OpenRequest, openAll, type Target } from './pool.ts';
import { runSilent, SilentPair, type SilentRequest } from './silent.ts';

export type { Target };

let target: Target | undefined;
let users: readonly string[] = [];
let connections: (BenchConnection | undefined)[] = [];
let pairs: Pair[] | undefined;
let silentPairs: SilentPair[] | undefined;
let group: Group | undefined;
let hotGroup: HotGroup | undefined;
let lost = 0;

/** Every request and its answer; both travel as JSON. */
export const methods = {
  async target(request: Target) {
    target = request;
    return {};
  },
  /** Opens one connection per user, in addition to those that are open. */
  async open(request: OpenRequest) {
    const opened = await openAll(aim(), request);
    for (const connection of opened.connections) if (connection) connection.onClose = () => lost++;
    connections = [...connections, ...opened.connections];
    users = [...users, ...request.users];
    return opened.result;
  },
  async close() {
    for (const connection of connections) connection?.close();
    connections = [];
    users = [];
    pairs = undefined;
    silentPairs = undefined;
    group = undefined;
    hotGroup = undefined;
    const before = lost;
    lost = 0;
    return { lost: before };
  },
  async lost() {
    return { lost };
  },
  /** Users 0 and 1 are a pair, 2 and 3 the next. */
  async direct(request: { readonly load: Load; readonly durationS: number }) {
    pairs ??= ends().map(({ names, ...each }) => new Pair(each, names));
    return runDirect(pairs, request.load, request.durationS);
  },
  /** The same pairs without receipts, on connections that no `direct` has used: seqs are counted from 1. */
  async silent(request: SilentRequest) {
    silentPairs ??= ends().map(({ names, ...each }) => new SilentPair(each, names[1]));
    return runSilent(silentPairs, request);
  },
  async fanout(request: FanoutRequest) {
    group ??= new Group(present(), request.conversationId);
    return group.run(request);
  },
  async hotGroup(request: HotGroupRequest) {
    hotGroup ??= new HotGroup(present(), request.conversationId);
    return hotGroup.run(request);
  },
  backlog: (request: BacklogRequest) => runBacklog(aim(), request),
  history: (request: HistoryRequest) => runHistory(aim(), request),
  http: (request: HttpRequest) => runHttp(aim(), request),
  async cpu() {
    const { user, system } = process.cpuUsage();
    return { userS: user / 1e6, systemS: system / 1e6 };
  },
};

export type Methods = typeof methods;

function aim(): Target {
  if (!target) throw new Error('the target comes first');
  return target;
}

function present(): BenchConnection[] {
  return connections.filter((connection) => connection !== undefined);
}

function ends() {
  const pairsOfUsers: { sender: BenchConnection; receiver: BenchConnection; names: readonly [UserId, UserId] }[] = [];
  for (let index = 0; index + 1 < connections.length; index += 2) {
    const [sender, receiver] = [connections[index], connections[index + 1]];
    const names = [users[index], users[index + 1]] as [UserId, UserId];
    if (sender && receiver) pairsOfUsers.push({ sender, receiver, names });
  }
  return pairsOfUsers;
}

if (import.meta.main) {
  process.on('message', async ({ id, method, request }: { id: number; method: keyof Methods; request: never }) => {
    try {
      process.send?.({ id, result: await methods[method](request) });
    } catch (error) {
      process.send?.({ id, error: error instanceof Error ? error.message : String(error) });
    }
  });
  process.on('disconnect', () => process.exit(0));
}
