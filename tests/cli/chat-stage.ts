// A server with people on it, who write by the client library, and hongyan chat beside them, through pipes and on terminals.

import { type Client, createClient, signup, type UserId } from '@hongyan/client';
import { dataFolder, killServers, removeDataFolders, type ServerProcess, startServer } from '../server-process.ts';
import { type Ended, hongyan } from './hongyan.ts';
import { Terminal } from './terminal.ts';

const password = 'correct horse battery';
const env = { HONGYAN_PASSWORD: password };

export interface Person {
  readonly id: UserId;
  readonly client: Client;
  /** Texts of others, in the order in which they came. */
  readonly received: string[];
}

export const text = (words: string) => ({ type: 'text', text: words });

export class ChatStage {
  readonly #server: ServerProcess;
  readonly #clients: Client[] = [];
  readonly #terminals: Terminal[] = [];

  constructor(server: ServerProcess) {
    this.#server = server;
  }

  static async start(): Promise<ChatStage> {
    return new ChatStage(await startServer({ dataDir: await dataFolder('chat-stage') }));
  }

  async stop(): Promise<void> {
    for (const terminal of this.#terminals) terminal.kill();
    await Promise.all(this.#clients.map((client) => client.close()));
    await killServers();
    await removeDataFolders();
  }

  async person(userId: string): Promise<Person> {
    const id = userId as UserId;
    const { url } = this.#server;
    const { access_token } = await signup({ url, userId, password });
    const client = createClient({ url, token: () => access_token });
    const received: string[] = [];
    client.on('message', ({ from, content }) => {
      if (from !== id && content.type === 'text') received.push(String(content.text));
    });
    this.#clients.push(client);
    await client.connect();
    return { id, client, received };
  }

  pipe(user: string, typed: string, ...args: readonly string[]): Promise<Ended> {
    return hongyan(['chat', '--url', this.#server.url, '--user', user, ...args], { stdin: typed, env });
  }

  terminal(user: string, ...args: readonly string[]): Terminal {
    const url = ['--url', this.#server.url];
    const terminal = new Terminal(['chat', ...url, '--user', user, '--device', 'desk', ...args], env);
    this.#terminals.push(terminal);
    return terminal;
  }
}
