// A real WebSocket server whose frames are the test's: for what a healthy server never sends.

import type { Server, ServerWebSocket } from 'bun';

type Frame = Record<string, unknown> & { readonly type: string };

export interface ScriptedConnection {
  /** Frames received so far, hello included. */
  readonly frames: readonly Frame[];
  /** The WebSocket messages that carried them: a frame, or a bundle. */
  readonly messages: readonly string[];
  send(frame: Frame): void;
  sendText(text: string): void;
  close(code: number): void;
  /** Resolves with the first frame of the type, which may have arrived before. */
  next(type: string): Promise<Frame>;
}

interface Data {
  readonly connection: ScriptedConnection;
  readonly receive: (text: string) => void;
}

/** Answers hello with welcome and sync with an empty page, unless `answer` does; all else is the test's. */
export class ScriptedServer {
  readonly #server: Server<Data>;
  readonly connections: ScriptedConnection[] = [];
  readonly #waiting: ((connection: ScriptedConnection) => void)[] = [];
  heartbeatMs = 1_000;
  epoch = 'first';
  /** The welcome takes bundles. */
  hasBundles = false;
  limits: { readonly frame_bytes_max?: number } = {};
  /** Called with each frame; a truthy result means that the test has answered. */
  answer: (connection: ScriptedConnection, frame: Frame) => boolean = () => false;
  /** Requests other than the upgrade. */
  http: (request: Request) => Response | Promise<Response> = () => new Response('', { status: 404 });

  constructor() {
    const receive = (connection: ScriptedConnection, frame: Frame) => this.#receive(connection, frame);
    this.#server = Bun.serve<Data>({
      hostname: '127.0.0.1',
      port: 0,
      fetch: (request, server) => (server.upgrade(request, { data: {} as Data }) ? undefined : this.http(request)),
      websocket: {
        open: (socket) => {
          socket.data = connectionOf(socket, receive);
          this.connections.push(socket.data.connection);
          this.#waiting.shift()?.(socket.data.connection);
        },
        message: (socket, text) => socket.data.receive(String(text)),
      },
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.port}`;
  }

  /** The next connection that comes. */
  connection(): Promise<ScriptedConnection> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  stop(): Promise<void> {
    return this.#server.stop(true);
  }

  #receive(connection: ScriptedConnection, frame: Frame): void {
    if (this.answer(connection, frame)) return;
    if (frame.type === 'hello') {
      connection.send({
        type: 'welcome',
        user_id: 'me',
        heartbeat_ms: this.heartbeatMs,
        limits: this.limits,
        node: 'test',
        epoch: this.epoch,
        ...(this.hasBundles ? { bundles: true } : {}),
      });
    } else if (frame.type === 'sync') {
      connection.send({ type: 'sync_result', id: frame.id, conversations: [], cursor: 'c', has_more: false });
    }
  }
}

function connectionOf(
  socket: ServerWebSocket<Data>,
  receive: (connection: ScriptedConnection, frame: Frame) => void,
): Data {
  const frames: Frame[] = [];
  const messages: string[] = [];
  const waiting: { type: string; resolve: (frame: Frame) => void }[] = [];
  const connection: ScriptedConnection = {
    frames,
    messages,
    send: (frame) => void socket.send(JSON.stringify(frame)),
    sendText: (text) => void socket.send(text),
    close: (code) => socket.close(code),
    next: (type) =>
      new Promise((resolve) => {
        const earlier = frames.find((frame) => frame.type === type);
        if (earlier) resolve(earlier);
        else waiting.push({ type, resolve });
      }),
  };
  return {
    connection,
    receive(text) {
      messages.push(text);
      for (const frame of [JSON.parse(text)].flat() as Frame[]) {
        frames.push(frame);
        for (const wait of waiting.splice(0)) {
          if (wait.type === frame.type) wait.resolve(frame);
          else waiting.push(wait);
        }
        receive(connection, frame);
      }
    },
  };
}

/** An unsigned token of the user; a scripted server accepts it. */
export const tokenOf = (userId: string): string => `x.${btoa(JSON.stringify({ sub: userId }))}.x`;
