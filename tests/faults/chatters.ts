// A few clients in one group, who write, read and ask until they are stopped, and note every error that an application would see.

import { type Client, createClient } from '@hongyan/client';
import { type Account, createGroup, readFully, signUp } from '@hongyan/testing/http-client';
import { until } from '@hongyan/testing/until';
import { type ClientRun, checkClients, type SentMessage } from './client-checker.ts';

const users = 8;
const boundMs = 40_000;

export class Chatters {
  readonly #url: string;
  readonly #accounts: readonly Account[];
  readonly #group: string;
  readonly #clients: readonly Client[];
  readonly #runs: readonly ClientRun[];
  readonly #sent: SentMessage[] = [];
  readonly errors: unknown[] = [];
  /** When each client, told that its server leaves, or cut off, is to come back: milliseconds from the test's beginning. */
  readonly comingBackMs: number[] = [];
  #isWriting = true;

  private constructor(url: string, accounts: readonly Account[], group: string) {
    this.#url = url;
    this.#accounts = accounts;
    this.#group = group;
    this.#runs = accounts.map(({ userId }) => ({ userId, deviceId: userId, told: [], hasCrashed: false }));
    this.#clients = accounts.map(({ token }) => createClient({ url, token: () => token }));
    this.#clients.forEach((client, index) => {
      client.on('message', ({ conversationId, seq, clientMsgId }) =>
        this.#runs[index]?.told.push({ conversationId, seq: Number(seq), clientMsgId }),
      );
      client.on('warning', (warning) => this.errors.push(warning));
      client.on('state', (state) => {
        if (state.type === 'reconnecting') this.comingBackMs.push(Number(state.retryAtMs));
      });
    });
  }

  static async gather(url: string): Promise<Chatters> {
    const accounts = await Promise.all(Array.from({ length: users }, (_, index) => signUp(url, `user${index}`)));
    const [owner, ...others] = accounts;
    if (owner === undefined) throw new Error('there are users');
    const group = await createGroup(
      url,
      owner,
      others.map(({ userId }) => userId),
    );
    const chatters = new Chatters(url, accounts, group);
    await Promise.all(chatters.#clients.map((client) => client.connect()));
    return chatters;
  }

  get resolvedCount(): number {
    return this.#sent.filter(({ resolved }) => resolved !== undefined).length;
  }

  /** Until `finish`: each user sends, reads a page, and asks over HTTP. */
  async write(): Promise<void> {
    await Promise.all(this.#clients.map((client, index) => this.#writeOne(client, index)));
  }

  async finish(): Promise<void> {
    this.#isWriting = false;
    await until(() => this.#clients.every(({ state }) => state.type === 'online'), { withinMs: boundMs });
    await until(() => this.#clients.every((client) => client.outbox().length === 0), { withinMs: boundMs });
  }

  /** [C1][C2][C4] and nothing that resolved is missing. */
  async violations() {
    const facts = async () => {
      const reads = await Promise.all(this.#accounts.map((account) => readFully(this.#url, account, this.#group)));
      // What stood there before the clients came: the group's beginning.
      const beginning = (reads[0]?.entries ?? []).slice(0, 1).map(({ conversation_id, seq, client_msg_id }) => ({
        ...{ conversationId: conversation_id, seq, clientMsgId: client_msg_id },
      }));
      const runs = this.#runs.map((run) => ({ ...run, told: [...beginning, ...run.told] }));
      return { runs, sent: this.#sent, reads };
    };
    await until(async () => checkClients(await facts()).length === 0, { withinMs: boundMs }).catch(() => {});
    return checkClients(await facts());
  }

  async leave(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()));
  }

  async #writeOne(client: Client, index: number): Promise<void> {
    const conversationId = this.#group as never;
    for (let no = 0; this.#isWriting; no++) {
      const clientMsgId = `${index}-${no}` as never;
      const sent: SentMessage = { userId: this.#accounts[index]?.userId ?? '', clientMsgId, isKept: true };
      this.#sent.push(sent);
      let asked = 'send';
      try {
        const { seq } = await client.send({ conversationId }, { type: 'text', text: String(no) }, { clientMsgId });
        sent.resolved = { conversationId, seq: Number(seq) };
        asked = 'history';
        await client.history({ conversationId, beforeSeq: (Number(seq) + 1) as never, limit: 5 });
        asked = 'getUser';
        await client.getUser(`user${(index + 1) % users}` as never);
      } catch (error) {
        this.errors.push(`${asked}: ${error}`);
      }
      await Bun.sleep(5);
    }
  }
}
