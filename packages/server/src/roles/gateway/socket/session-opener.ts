// Opens the session of a connection: authenticates its hello, subscribes its topics, and sends the welcome.

import type { Clock } from '@hongyan/base/clock';
import type { Log } from '@hongyan/base/log';
import type { CloseReason } from '@hongyan/protocol/codes';
import type { Limits } from '@hongyan/protocol/down';
import type { ConversationId } from '@hongyan/protocol/ids';
import type { UpOf } from '@hongyan/protocol/up';
import type { TokenFacts } from '../../../domain/revocation.ts';
import type { Core, DeviceCaller, OpenedSession } from '../../../ports/core/core.ts';
import type { GatewayMeter } from '../meter.ts';
import type { Pipeline } from '../pipeline.ts';
import { closeReasonOf } from './close-reason.ts';
import type { ConnectionState } from './connection.ts';
import { EarlyFrames, type EarlyFramesLimits } from './early-frames.ts';
import { errorFrame, noticeFrame, welcomeFrame } from './frames.ts';
import type { Interest } from './interest.ts';
import type { SessionTable } from './session-table.ts';
import { logFieldsOf, type Socket } from './socket.ts';

export interface SessionOpenerOptions {
  readonly core: Pick<Core, 'openSession' | 'closeSession'>;
  readonly pipeline: Pipeline;
  readonly table: SessionTable;
  readonly clock: Clock;
  readonly log: Log;
  readonly meter: GatewayMeter;
  readonly node: string;
  readonly newSessionId: () => string;
  /** Answers from memory. */
  readonly isRevoked: (token: TokenFacts) => boolean;
  readonly limits: EarlyFramesLimits & { readonly heartbeatMs: number };
  /** Sent in `welcome`. */
  readonly wireLimits: Limits;
  /** Called after the welcome for each frame that arrived before it. */
  readonly onFrame: (socket: Socket, text: string) => void;
  readonly close: (socket: Socket, reason: CloseReason) => void;
}

type Opening = Extract<ConnectionState, { readonly type: 'opening' }>;

export class SessionOpener {
  readonly #options: SessionOpenerOptions;
  /** Requests to the core to close a session. */
  readonly #closings = new Set<Promise<void>>();

  constructor(options: SessionOpenerOptions) {
    this.#options = options;
  }

  /** Never rejects. */
  async open(socket: Socket, hello: UpOf<'hello'>, upgradeToken: string | undefined): Promise<void> {
    const { pipeline, log, meter, newSessionId, close } = this.#options;
    meter.framesIn.add('hello');
    const early = new EarlyFrames(this.#options.limits);
    socket.data.state = { type: 'checking', early };
    try {
      const { address, limitKey } = socket.data;
      const token = hello.token ?? upgradeToken ?? '';
      const verified = await pipeline.authenticateHello({ type: 'hello', address, limitKey, token });
      if (socket.data.state.type !== 'checking') return;
      if (verified.type !== 'ok') {
        meter.handshakes.add(verified.code);
        socket.send(errorFrame(verified));
        return close(socket, closeReasonOf(verified));
      }
      const { expiresAtMs } = verified.value;
      const device = { deviceId: hello.device_id, sessionId: newSessionId() };
      const caller = { address, ...verified.value, ...device };
      const opening: Opening = { type: 'opening', early, caller, changes: new Map() };
      socket.data.state = opening;
      socket.data.takesBundles = hello.bundles === true;
      await this.#open(socket, opening, { clientName: hello.client ?? '', expiresAtMs });
    } catch (error) {
      log.error('hello failed', { ...logFieldsOf(socket), error });
      close(socket, 'overloaded');
    }
  }

  /**
   * Subscribes to the user's topic before the request to the core: a conversation joined after the core's read is in `changes`, one
   * joined before is in its answer. [D4] The conversations' topics are in force before the welcome: entries committed later are pushed,
   * entries committed earlier are found by sync.
   */
  async #open(
    socket: Socket,
    opening: Opening,
    { clientName, expiresAtMs }: { readonly clientName: string; readonly expiresAtMs: number },
  ): Promise<void> {
    const { core, node, table, meter, isRevoked, close } = this.#options;
    const { caller } = opening;
    await table.add(socket, caller.userId);
    // [A13] The token may have been revoked since it was verified. From here on `closeRevoked` finds the connection.
    if (isRevoked(caller)) return close(socket, 'token_revoked');
    const opened = await core.openSession({ caller, clientName, node });
    if (opened.type !== 'ok') {
      meter.handshakes.add(opened.code);
      if (socket.data.state !== opening) return;
      socket.send(errorFrame(opened));
      return close(socket, opened.code === 'rate_limited' ? 'rate_limited' : 'overloaded');
    }
    const interests = await this.#acquire(opened.value.conversationIds, caller);
    if (socket.data.state === opening)
      return this.#start(socket, opening, { opened: opened.value, interests, expiresAtMs });
    table.release(interests);
    this.closeSession(caller);
  }

  #start(
    socket: Socket,
    { caller, changes, early }: Opening,
    {
      opened,
      interests,
      expiresAtMs,
    }: {
      readonly opened: OpenedSession;
      readonly interests: readonly Interest[];
      readonly expiresAtMs: number;
    },
  ): void {
    const { meter, log, table, onFrame } = this.#options;
    meter.handshakes.add('welcome');
    socket.data.state = { type: 'open', caller, expiresAtMs };
    if (log.isDebug) log.debug('session opened', { ...logFieldsOf(socket), sessionId: caller.sessionId });
    socket.send(this.#welcome(socket, caller, opened.epoch));
    for (const notice of opened.notices ?? []) table.output.queue(socket, noticeFrame(notice));
    table.subscribe(socket, interests);
    for (const [conversationId, isMember] of changes) table.changeMembership(socket, conversationId, isMember);
    table.output.flushSoon(socket);
    for (const text of early.texts) onFrame(socket, text);
  }

  async #acquire(conversationIds: readonly ConversationId[], caller: DeviceCaller) {
    try {
      return await this.#options.table.acquire(conversationIds);
    } catch (error) {
      this.closeSession(caller);
      throw error;
    }
  }

  #welcome({ data }: Socket, { userId, sessionId }: DeviceCaller, epoch: string): string {
    const { clock, limits, wireLimits, node } = this.#options;
    return welcomeFrame({
      user_id: userId,
      session_id: sessionId,
      server_time: clock.nowMs(),
      heartbeat_ms: limits.heartbeatMs,
      limits: wireLimits,
      node,
      epoch,
      ...(data.takesBundles ? { bundles: true } : {}),
    });
  }

  /** Does not wait for the core; a failure is logged. */
  closeSession(caller: DeviceCaller): void {
    const { core, node, log } = this.#options;
    const closing = core
      .closeSession({ caller, node })
      .catch((error: unknown) => log.error('session could not be closed', { userId: caller.userId, error }))
      .finally(() => this.#closings.delete(closing));
    this.#closings.add(closing);
  }

  /** Resolves when the core has answered the closes so far. */
  async drain(): Promise<void> {
    await Promise.all(this.#closings);
  }
}
