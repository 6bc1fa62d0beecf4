// History pages at random places, over the socket and over HTTP on kept-alive connections written by hand.

import { BenchConnection } from '@hongyan/load/connection';
import { kinds, textFrame } from '@hongyan/load/frames';
import { Histogram, type HistogramData } from '@hongyan/load/histogram';
import type { Socket } from 'bun';
import { mintToken } from '../token.ts';
import type { Target } from './pool.ts';

export interface HistoryRequest {
  readonly by: 'socket' | 'http';
  /** Reader k sees the conversations whose index is k modulo the number of readers. */
  readonly readers: readonly string[];
  readonly conversations: number;
  readonly messagesEach: number;
  readonly pageSize: number;
  readonly concurrency: number;
  readonly durationS: number;
}

export interface HistoryResult {
  readonly elapsedS: number;
  readonly pages: number;
  readonly firstError: string;
  readonly latency: HistogramData;
}

/** A request that resolves with the whole answer as text. */
interface Reader {
  readonly index: number;
  ask(conversationId: string, beforeSeq: number): Promise<Buffer>;
  close(): void;
}

export async function runHistory(target: Target, request: HistoryRequest): Promise<HistoryResult> {
  const { readers, conversations, messagesEach, pageSize, concurrency, durationS } = request;
  const open = request.by === 'socket' ? openSocketReader : openHttpReader;
  const all = await Promise.all(
    Array.from({ length: concurrency }, (_, place) => open(target, request, place % readers.length)),
  );
  const latency = new Histogram();
  let pages = 0;
  let firstError = '';
  const startedAt = performance.now();
  const until = startedAt + durationS * 1000;
  async function read(reader: Reader): Promise<void> {
    while (performance.now() < until && !firstError) {
      const own = Math.floor(Math.random() * Math.ceil((conversations - reader.index) / readers.length));
      const conversation = own * readers.length + reader.index;
      const beforeSeq = pageSize + 1 + Math.floor(Math.random() * (messagesEach - pageSize));
      const beganAt = performance.now();
      const answer = await reader.ask(historyConversation(readers[reader.index] ?? '', conversation), beforeSeq);
      latency.recordMs(performance.now() - beganAt);
      pages++;
      // Looked at now and then: reading every page closely would make the generator the bottleneck.
      if (pages % 64 === 1 && answer.toString().split('"msg_id":').length - 1 !== pageSize) {
        firstError ||= answer.toString('utf8', 0, 300);
      }
    }
  }
  await Promise.all(all.map(read));
  const elapsedS = (performance.now() - startedAt) / 1000;
  for (const reader of all) reader.close();
  return { elapsedS, pages, firstError, latency: latency.data() };
}

/** "h" sorts before "r", so the partner comes first. */
export const historyConversation = (reader: string, conversation: number): string => `d:h${conversation}:${reader}`;

const timeoutMs = 30_000;

async function openSocketReader(target: Target, request: HistoryRequest, index: number): Promise<Reader> {
  const token = mintToken(target.secret, request.readers[index] ?? '');
  const connection = new BenchConnection({ ...target, token, deviceId: `bench${Math.random()}`, timeoutMs });
  await connection.open();
  let answered: PromiseWithResolvers<Buffer> | undefined;
  connection.onClose = (reason) => answered?.reject(new Error(reason));
  connection.onMessage = (bytes, start, end, kind) => {
    // A copy: the bytes are valid only during this call.
    if (kind === kinds.history || kind === kinds.error) answered?.resolve(Buffer.from(bytes.subarray(start, end)));
  };
  return {
    index,
    close: () => connection.close(),
    ask(conversationId, beforeSeq) {
      answered = Promise.withResolvers<Buffer>();
      const ask = { type: 'history', id: 1, conversation_id: conversationId, before_seq: beforeSeq };
      connection.write(textFrame(JSON.stringify({ ...ask, limit: request.pageSize })));
      return answered.promise;
    },
  };
}

async function openHttpReader(target: Target, request: HistoryRequest, index: number): Promise<Reader> {
  const token = mintToken(target.secret, request.readers[index] ?? '');
  let answered: PromiseWithResolvers<Buffer> | undefined;
  let received = Buffer.alloc(0);
  const socket: Socket = await Bun.connect({
    hostname: target.host,
    port: target.port,
    socket: {
      data(_socket, chunk) {
        received = received.length === 0 ? Buffer.from(chunk) : Buffer.concat([received, chunk]);
        const headEnd = received.indexOf('\r\n\r\n');
        if (headEnd < 0) return;
        const length = Number(received.toString('latin1', 0, headEnd).match(/content-length: (\d+)/i)?.[1]);
        if (Number.isNaN(length)) return answered?.reject(new Error('an answer without content-length'));
        if (received.length < headEnd + 4 + length) return;
        const body = received.subarray(headEnd + 4, headEnd + 4 + length);
        received = Buffer.alloc(0);
        answered?.resolve(body);
      },
      close: () => answered?.reject(new Error('closed')),
      error: (_socket, error) => answered?.reject(error),
    },
  });
  return {
    index,
    close: () => socket.terminate(),
    ask(conversationId, beforeSeq) {
      answered = Promise.withResolvers<Buffer>();
      const query = `before_seq=${beforeSeq}&limit=${request.pageSize}`;
      socket.write(
        `GET /v1/conversations/${encodeURIComponent(conversationId)}/messages?${query} HTTP/1.1\r\nHost: ${target.host}\r\nAuthorization: Bearer ${token}\r\n\r\n`,
      );
      return answered.promise;
    },
  };
}
