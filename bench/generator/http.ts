// Whole requests over HTTP on kept-alive connections written by hand: as fast as they are answered, or at a fixed rate.

import { Histogram, type HistogramData } from '@hongyan/load/histogram';
import { connect, type Socket } from 'bun';
import { mintToken } from '../token.ts';
import type { Target } from './pool.ts';

export interface HttpRequest {
  readonly kind: 'me' | 'messages';
  readonly users: readonly string[];
  /** One for each of so many users, the users taken in turn. */
  readonly connections: number;
  /** Requests a second of all connections together; absent: each asks again when it is answered. */
  readonly perS?: number;
  readonly durationS: number;
}

export interface HttpResult {
  readonly elapsedS: number;
  readonly answered: number;
  /** Answers with another status than the wanted one, and the first of them. */
  readonly failed: number;
  readonly firstError: string;
  /** From when the request was due, so that a server that stalls is not spared what it made wait. */
  readonly latency: HistogramData;
}

/** One connection with at most one request under way. */
class Line {
  readonly #request: () => string;
  readonly #onAnswer: (status: number, dueMs: number) => void;
  #socket: Socket<undefined> | undefined;
  #received = '';
  /** Times at which requests were due that wait for the one under way. */
  readonly #due: number[] = [];
  #underWayMs: number | undefined;

  private constructor(request: () => string, onAnswer: (status: number, dueMs: number) => void) {
    this.#request = request;
    this.#onAnswer = onAnswer;
  }

  static async open(
    { host, port }: Target,
    request: () => string,
    onAnswer: (status: number, dueMs: number) => void,
  ): Promise<Line> {
    const line = new Line(request, onAnswer);
    line.#socket = await connect({
      hostname: host,
      port,
      socket: { data: (_socket, chunk) => line.#receive(chunk.toString('latin1')) },
    });
    return line;
  }

  ask(dueMs: number): void {
    if (this.#underWayMs !== undefined) {
      this.#due.push(dueMs);
      return;
    }
    this.#underWayMs = dueMs;
    this.#socket?.write(this.#request());
  }

  close(): void {
    this.#socket?.end();
  }

  #receive(text: string): void {
    this.#received += text;
    const headEnd = this.#received.indexOf('\r\n\r\n');
    if (headEnd < 0) return;
    const head = this.#received.slice(0, headEnd);
    const length = Number(/content-length: *(\d+)/i.exec(head)?.[1] ?? 0);
    if (this.#received.length < headEnd + 4 + length) return;
    this.#received = this.#received.slice(headEnd + 4 + length);
    const dueMs = this.#underWayMs ?? 0;
    this.#underWayMs = undefined;
    this.#onAnswer(Number(head.slice(9, 12)), dueMs);
    const next = this.#due.shift();
    if (next !== undefined) this.ask(next);
  }
}

export async function runHttp(target: Target, request: HttpRequest): Promise<HttpResult> {
  const { kind, users, connections, perS, durationS } = request;
  const wanted = kind === 'me' ? 200 : 201;
  const latency = new Histogram();
  const counts = { answered: 0, failed: 0 };
  let firstError = '';
  let untilMs = Number.POSITIVE_INFINITY;
  const lines: Line[] = [];
  for (let index = 0; index < connections; index++) {
    const user = users[index % users.length] ?? '';
    const text = requestText({ kind, target, user, peer: users[(index + 1) % users.length] ?? '' });
    const line: Line = await Line.open(target, text, (status, dueMs) => {
      const nowMs = performance.now();
      if (status === wanted) counts.answered++;
      else if (counts.failed++ === 0) firstError = String(status);
      latency.recordMs(nowMs - dueMs);
      if (perS === undefined && nowMs < untilMs) line.ask(nowMs);
    });
    lines.push(line);
  }
  const startMs = performance.now();
  untilMs = startMs + durationS * 1000;
  if (perS === undefined) for (const line of lines) line.ask(startMs);
  else await atRate({ lines, perS, startMs, untilMs });
  const asked = () => performance.now() < untilMs;
  while (asked()) await Bun.sleep(20);
  const elapsedS = (performance.now() - startMs) / 1000;
  // The last answers.
  await Bun.sleep(500);
  for (const line of lines) line.close();
  return { elapsedS, ...counts, firstError, latency: latency.data() };
}

async function atRate(plan: {
  readonly lines: readonly Line[];
  readonly perS: number;
  readonly startMs: number;
  readonly untilMs: number;
}): Promise<void> {
  const { lines, perS, startMs, untilMs } = plan;
  for (let sent = 0; performance.now() < untilMs; await Bun.sleep(1)) {
    const due = Math.floor(((performance.now() - startMs) * perS) / 1000);
    for (; sent < due; sent++) lines[sent % lines.length]?.ask(startMs + (sent * 1000) / perS);
  }
}

function requestText(of: {
  readonly kind: HttpRequest['kind'];
  readonly target: Target;
  readonly user: string;
  readonly peer: string;
}): () => string {
  const { kind, target, user, peer } = of;
  const token = mintToken(target.secret, user);
  const head = `host: ${target.host}\r\nauthorization: Bearer ${token}\r\n`;
  if (kind === 'me') {
    const text = `GET /v1/me HTTP/1.1\r\n${head}\r\n`;
    return () => text;
  }
  return () => {
    const body = JSON.stringify({
      to: peer,
      client_msg_id: Bun.randomUUIDv7(),
      content: { type: 'text', text: 'ninety bytes of text, as most messages are not much longer than that.' },
    });
    return `POST /v1/messages HTTP/1.1\r\n${head}content-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
  };
}
