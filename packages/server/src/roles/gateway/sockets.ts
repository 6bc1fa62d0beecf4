// The life of sockets: hello, open, heartbeat, close. Every trace of a connection is freed in `close`.

import { sleep } from '@hongyan/base/clock';
import type { ConversationId } from '@hongyan/protocol/ids';
import { parseUp } from '@hongyan/protocol/parse';
import type { UpOf } from '@hongyan/protocol/up';
import type { WebSocketHandler } from 'bun';
import type { Actor } from '../../ports/core/core.ts';
import { type Connection, closeSocket, encodeDown, type Socket } from './connection.ts';
import type { GatewayDeps } from './deps.ts';
import { Sessions } from './sessions.ts';
import { createUpFrames, errorFrame } from './up-frames.ts';

export function createSockets(deps: GatewayDeps) {
  const { core, bus, tokens, clock, log, limits, node } = deps;
  const sessions = new Sessions({ bus, clock, backlogBytesMax: limits.backlogBytesMax });
  const frames = createUpFrames(deps, sessions);
  const sockets = new Set<Socket>();
  const awaitingHello = new Set<Socket>();
  const closings = new Set<Promise<void>>();
  let isDraining = false;

  const handler: WebSocketHandler<Connection> = {
    // The socket layer cuts what is far over the limit; below that the sender is told "too_large".
    maxPayloadLength: limits.frameBytesMax * 4,
    // [D8] A subscriber that does not read is cut before it can hold more than this.
    backpressureLimit: limits.backlogBytesMax * 2,
    closeOnBackpressureLimit: true,
    // Heartbeats are ours: `sweep`.
    idleTimeout: 0,
    sendPings: false,
    perMessageDeflate: false,
    open(socket) {
      sockets.add(socket);
      awaitingHello.add(socket);
    },
    message(socket, message) {
      socket.data.lastHeardMs = clock.monotonicMs();
      if (typeof message === 'string') onText(socket, message);
      else closeSocket(socket, 'protocol_error', clock.monotonicMs());
    },
    ping(socket) {
      socket.data.lastHeardMs = clock.monotonicMs();
    },
    pong(socket) {
      socket.data.lastHeardMs = clock.monotonicMs();
    },
    close(socket) {
      forget(socket);
    },
  };

  function onText(socket: Socket, text: string): void {
    const { state } = socket.data;
    if (state.type === 'checking' || state.type === 'opening') {
      if (state.early.length >= limits.inFlightMax) closeSocket(socket, 'protocol_error', clock.monotonicMs());
      else state.early.push(text);
      return;
    }
    if (state.type === 'closed') return;
    // UTF-8 needs at most 3 bytes for a UTF-16 unit: only texts near the limit are measured exactly.
    if (text.length * 3 > limits.frameBytesMax && Buffer.byteLength(text) > limits.frameBytesMax) {
      return sessions.queue(
        socket,
        errorFrame({ code: 'too_large', message: `a frame is at most ${limits.frameBytesMax} bytes` }),
      );
    }
    const parsed = parseUp(text);
    if (state.type === 'awaiting_hello') {
      if (parsed.type === 'ok' && parsed.frame.type === 'hello') void openSession(socket, parsed.frame, state.token);
      else {
        const message = parsed.type === 'error' ? parsed.message : 'the first frame is a hello';
        socket.send(errorFrame({ code: 'bad_request', message }));
        closeSocket(socket, 'protocol_error', clock.monotonicMs());
      }
      return;
    }
    if (parsed.type === 'error') return sessions.queue(socket, errorFrame(parsed, parsed.id));
    const { frame } = parsed;
    if (frame.type === 'hello')
      return sessions.queue(socket, errorFrame({ code: 'bad_request', message: 'hello comes once' }));
    const refusal = isDraining ? stopping : frames.isOverloaded(socket) ? overloaded : undefined;
    if (refusal) return sessions.queue(socket, errorFrame(refusal, 'id' in frame ? frame.id : undefined));
    frames.handle(socket, state.actor, frame);
  }

  async function openSession(socket: Socket, hello: UpOf<'hello'>, upgradeToken: string | undefined): Promise<void> {
    const connection = socket.data;
    const early: string[] = [];
    connection.state = { type: 'checking', early };
    awaitingHello.delete(socket);
    try {
      const verified = await tokens.verify(hello.token ?? upgradeToken ?? '');
      if (verified.type === 'invalid') {
        socket.send(errorFrame({ code: 'unauthorized', message: verified.reason }));
        return closeSocket(socket, 'unauthorized', clock.monotonicMs());
      }
      if (!sockets.has(socket)) return;
      const actor = { userId: verified.userId, deviceId: hello.device_id };
      const sessionId = deps.newSessionId();
      const changes = new Map<ConversationId, boolean>();
      connection.state = { type: 'opening', early, actor, sessionId, changes };
      // Followed before the core is asked: a conversation joined after it looked is in `changes`, one before in its answer.
      sessions.add(socket, actor.userId);
      const { conversationIds } = await core.open({ actor, sessionId, node });
      if (!sockets.has(socket)) return endSession(actor, sessionId);
      connection.state = { type: 'open', actor, sessionId, expiresAtMs: verified.expiresAtMs };
      if (connection.closingSinceMs !== 0) return;
      // Nothing comes before the welcome. What is committed from here on is pushed, what was before is found by sync [D4].
      socket.send(welcome(actor.userId, sessionId));
      sessions.follow(socket, withChanges(conversationIds, changes));
      sessions.release(socket);
      for (const text of early) onText(socket, text);
    } catch (error) {
      log.error('hello failed', { error });
      closeSocket(socket, 'overloaded', clock.monotonicMs());
    }
  }

  function welcome(userId: UpOf<'presence'>['user_ids'][number], sessionId: string): string {
    return encodeDown({
      type: 'welcome',
      user_id: userId,
      session_id: sessionId,
      server_time: clock.nowMs(),
      heartbeat_ms: limits.heartbeatMs,
      limits: deps.wireLimits,
      node,
    });
  }

  function forget(socket: Socket): void {
    const connection = socket.data;
    sockets.delete(socket);
    awaitingHello.delete(socket);
    const { state } = connection;
    connection.state = { type: 'closed' };
    if (state.type !== 'open' && state.type !== 'opening') return;
    sessions.remove(socket, state.actor.userId);
    // One that is still opening is ended when it is open: the core must not hear of the end first.
    if (state.type === 'open') endSession(state.actor, state.sessionId);
  }

  function endSession(actor: Actor, sessionId: string): void {
    const closing = core
      .close({ actor, sessionId, node })
      .catch((error: unknown) => log.error('session close failed', { error }))
      .finally(() => closings.delete(closing));
    closings.add(closing);
  }

  /** Heartbeat: a silent peer is asked after one interval and closed after two; closes that hang are cut. */
  function sweep(): void {
    const now = clock.monotonicMs();
    for (const socket of sockets) {
      const { state, lastHeardMs, closingSinceMs } = socket.data;
      const silentMs = now - lastHeardMs;
      if (closingSinceMs !== 0) {
        if (now - closingSinceMs > limits.heartbeatMs / 2) socket.terminate();
      } else if (silentMs > 2 * limits.heartbeatMs) closeSocket(socket, 'idle', now);
      else if (socket.getBufferedAmount() > limits.backlogBytesMax) closeSocket(socket, 'slow_consumer', now);
      else if (state.type === 'open' && state.expiresAtMs <= clock.nowMs()) closeSocket(socket, 'unauthorized', now);
      else if (silentMs > limits.heartbeatMs) socket.ping();
    }
  }

  function sweepHello(): void {
    const now = clock.monotonicMs();
    for (const socket of awaitingHello) {
      const { state } = socket.data;
      if (state.type !== 'awaiting_hello' || now - state.sinceMs < limits.helloTimeoutMs) continue;
      awaitingHello.delete(socket);
      closeSocket(socket, 'protocol_error', now);
    }
  }

  const timers = [
    clock.every(Math.max(50, limits.heartbeatMs / 4), sweep),
    clock.every(Math.max(50, Math.min(1000, limits.helloTimeoutMs / 4)), sweepHello),
  ];

  /**
   * Tells everyone to come back elsewhere or later, and closes each as soon as what it asked for is answered; further requests
   * are refused. Resolves when all traces are gone, or soon after `deadlineMs` on the monotonic clock.
   */
  async function drain(deadlineMs: number): Promise<void> {
    isDraining = true;
    for (const timer of timers) timer.cancel();
    const frame = encodeDown({ type: 'going_away', reconnect_after_ms: 1000 });
    for (const socket of sockets) socket.send(frame);
    for (;;) {
      sessions.flush();
      const now = clock.monotonicMs();
      for (const socket of sockets) {
        const { inFlight, closingSinceMs } = socket.data;
        if (closingSinceMs === 0 && (inFlight === 0 || now >= deadlineMs)) closeSocket(socket, 'going_away', now);
      }
      if (sockets.size === 0 || now >= deadlineMs) break;
      await sleep(clock, { delayMs: 20 });
    }
    for (const socket of sockets) socket.terminate();
    await Promise.all(closings);
    sessions.detach();
  }

  return { handler, sessions, drain, count: () => sockets.size };
}

const overloaded = { code: 'overloaded', message: 'too many requests are in flight', retryAfterMs: 100 } as const;
const stopping = { code: 'unavailable', message: 'the server is stopping', retryAfterMs: 1000 } as const;

/** What the core answered, as it is after the changes told meanwhile. */
function withChanges(
  conversationIds: readonly ConversationId[],
  changes: ReadonlyMap<ConversationId, boolean>,
): readonly ConversationId[] {
  if (changes.size === 0) return conversationIds;
  const current = new Set(conversationIds);
  for (const [conversationId, isMember] of changes) {
    if (isMember) current.add(conversationId);
    else current.delete(conversationId);
  }
  return [...current];
}
