// What each frame of an open session asks of the core, and the frame that answers it.

import type { ErrorCode } from '@hongyan/protocol/codes';
import type { Down } from '@hongyan/protocol/down';
import type { Seq } from '@hongyan/protocol/ids';
import type { Up, UpOf } from '@hongyan/protocol/up';
import type { Actor, Outcome, Refusal } from '../../ports/core/core.ts';
import { refusalOf } from '../../ports/store-failure.ts';
import { encodeDown, type Socket } from './connection.ts';
import type { GatewayDeps } from './deps.ts';
import type { Sessions } from './sessions.ts';

/** Presence of at most this many users is followed by one connection; more are answered but not followed. */
const watchedMax = 1000;
const noSeq = 0 as Seq;
const pong = encodeDown({ type: 'pong' });

export function createUpFrames({ core, limits, log }: GatewayDeps, sessions: Sessions) {
  function handle(socket: Socket, actor: Actor, frame: Exclude<Up, { type: 'hello' }>): void {
    switch (frame.type) {
      case 'send':
        return run(
          socket,
          frame.id,
          core.send(toCommand(actor, frame)),
          ({ msgId, conversationId, seq, timestampMs, isDuplicate }) => ({
            type: 'ack',
            id: frame.id,
            client_msg_id: frame.client_msg_id,
            msg_id: msgId,
            conversation_id: conversationId,
            seq,
            timestamp: timestampMs,
            status: 'ack',
            ...(isDuplicate ? { duplicate: true } : {}),
          }),
        );
      case 'delivered':
      case 'read': {
        const readSeq = frame.type === 'read' ? frame.seq : noSeq;
        return run(
          socket,
          undefined,
          core.advance({ actor, conversationId: frame.conversation_id, deliveredSeq: frame.seq, readSeq }),
        );
      }
      case 'typing':
        return run(socket, undefined, core.typing(actor, frame.conversation_id));
      case 'sync':
        return run(socket, frame.id, core.sync({ actor, ...frame }), ({ conversationCount, ...page }) => ({
          type: 'sync_result',
          id: frame.id,
          conversations: [...page.conversations],
          cursor: page.cursor,
          has_more: page.hasMore,
          conversation_count: conversationCount,
        }));
      case 'history':
        return run(socket, frame.id, core.history(toHistory(actor, frame)), (page) => ({
          type: 'history_result',
          id: frame.id,
          ...page,
        }));
      case 'presence':
        return run(socket, frame.id, presence(socket, frame), (users) => ({
          type: 'presence_result',
          id: frame.id,
          users,
        }));
      case 'ping':
        return sessions.queue(socket, pong);
    }
  }

  /** Follows first, asks then: a change in between is told twice rather than missed. */
  async function presence(socket: Socket, frame: UpOf<'presence'>) {
    socket.data.watched ??= new Set();
    const { watched } = socket.data;
    const fresh = frame.user_ids.filter((userId) => !watched.has(userId)).slice(0, watchedMax - watched.size);
    for (const userId of fresh) watched.add(userId);
    sessions.watch(socket, fresh);
    const states = await core.presence(frame.user_ids);
    const users = states.map(({ userId, online, lastSeenMs }) => ({
      user_id: userId,
      online,
      ...(lastSeenMs === undefined ? {} : { last_seen: lastSeenMs }),
    }));
    return { type: 'ok', value: users } as const;
  }

  function run<T>(
    socket: Socket,
    id: number | undefined,
    outcome: Promise<Outcome<T>>,
    answer?: (value: T) => Down,
  ): void {
    const connection = socket.data;
    connection.inFlight++;
    outcome.then(
      (result) => {
        connection.inFlight--;
        if (result.type === 'refused') sessions.queue(socket, errorFrame(result, id));
        else if (answer) sessions.queue(socket, encodeDown(answer(result.value)));
      },
      (error: unknown) => {
        connection.inFlight--;
        log.error('request failed', { error });
        sessions.queue(socket, errorFrame(refusalOf(error), id));
      },
    );
  }

  /** At the bound the request is refused, not queued: the client keeps it and comes back. */
  function isOverloaded(socket: Socket): boolean {
    return socket.data.inFlight >= limits.inFlightMax;
  }

  return { handle, isOverloaded };
}

function toCommand({ userId }: Actor, { to, conversation_id, client_msg_id, content }: UpOf<'send'>) {
  return {
    from: userId,
    ...(to === undefined ? {} : { to }),
    ...(conversation_id === undefined ? {} : { conversationId: conversation_id }),
    clientMsgId: client_msg_id,
    content,
  };
}

function toHistory({ userId }: Actor, { conversation_id, after_seq, before_seq, limit }: UpOf<'history'>) {
  return {
    userId,
    conversationId: conversation_id,
    ...(after_seq === undefined ? {} : { afterSeq: after_seq }),
    ...(before_seq === undefined ? {} : { beforeSeq: before_seq }),
    ...(limit === undefined ? {} : { limit }),
  };
}

export function errorFrame(
  refusal: { code: ErrorCode; message: string } & Partial<Pick<Refusal, 'retryAfterMs'>>,
  id?: number,
): string {
  return encodeDown({
    type: 'error',
    ...(id === undefined ? {} : { id }),
    code: refusal.code,
    message: refusal.message,
    ...(refusal.retryAfterMs === undefined ? {} : { retry_after_ms: refusal.retryAfterMs }),
  });
}
