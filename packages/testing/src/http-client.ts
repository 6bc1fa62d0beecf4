// The HTTP surface without the client library, for tests: accounts, conversations, full reads, outcomes, positions.

import type { FoldedMessage } from './fold-entries.ts';
import type { AskedOutcome, ClientEvent, FullRead, PrivateItem, SeenEntry } from './history.ts';

export interface Account {
  readonly userId: string;
  readonly token: string;
}

export interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

export async function call(
  url: string,
  path: string,
  { token, method = 'GET', body }: { token?: string; method?: string; body?: unknown } = {},
): Promise<Answer> {
  const response = await fetch(url + path, {
    method,
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(20_000),
  });
  const text = await response.text();
  return { status: response.status, body: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>) };
}

const password = 'correct horse battery';

export async function signUp(url: string, userId: string): Promise<Account> {
  const body = { user_id: userId, password };
  const answer = await expectStatus(201, call(url, '/v1/auth/signup', { method: 'POST', body }));
  return { userId, token: String(answer.access_token) };
}

export async function logIn(url: string, userId: string): Promise<Account> {
  const body = { user_id: userId, password };
  const answer = await expectStatus(200, call(url, '/v1/auth/login', { method: 'POST', body }));
  return { userId, token: String(answer.access_token) };
}

export async function createGroup(url: string, owner: Account, members: readonly string[]): Promise<string> {
  const body = { kind: 'group', title: 'group under test', members };
  const created = call(url, '/v1/conversations', { method: 'POST', token: owner.token, body });
  return String((await expectStatus(201, created)).conversation_id);
}

export async function openDirect(url: string, from: Account, to: string): Promise<string> {
  const body = { kind: 'direct', with: to };
  const created = call(url, '/v1/conversations', { method: 'POST', token: from.token, body });
  return String((await expectStatus(201, created)).conversation_id);
}

/** Every page from seq 1. */
export async function readFully(url: string, reader: Account, conversationId: string): Promise<FullRead> {
  const conversation = `/v1/conversations/${conversationId}`;
  const [raw, history] = await Promise.all([
    readPages<SeenEntry>(url, reader, `${conversation}/entries`),
    readPages<FoldedMessage>(url, reader, `${conversation}/messages`),
  ]);
  const { first_seq: firstSeq, last_seq: lastSeq } = raw.last;
  const { userId, token } = reader;
  const shown = await expectStatus(200, call(url, conversation, { token }));
  const badge = {
    readSeq: Number(shown.read_seq),
    unread: Number(shown.unread),
    unreadMentions: Number(shown.unread_mentions),
  };
  return { userId, conversationId, firstSeq, lastSeq, entries: raw.items, messages: history.items, badge };
}

/** The private timeline of the reader, and what is set in it. */
export async function readPrivately(url: string, reader: Account): Promise<FullRead> {
  const { userId, token } = reader;
  const conversationId = `u:${userId}`;
  const raw = await readPages<SeenEntry>(url, reader, `/v1/conversations/${conversationId}/entries`);
  const state: PrivateItem[] = [];
  for (let after = ''; ; ) {
    const page = await expectStatus(200, call(url, `/v1/me/private?limit=200${after}`, { token }));
    state.push(...(page.items as PrivateItem[]));
    if (page.next === undefined) break;
    after = `&after=${encodeURIComponent(String(page.next))}`;
  }
  const { first_seq: firstSeq, last_seq: lastSeq } = raw.last;
  return { userId, conversationId, firstSeq, lastSeq, entries: raw.items, state };
}

interface Page {
  readonly first_seq: number;
  readonly last_seq: number;
}

async function readPages<T extends { readonly seq: number }>(
  url: string,
  reader: Account,
  path: string,
): Promise<{ readonly items: T[]; readonly last: Page }> {
  const items: T[] = [];
  for (let afterSeq = 0; ; ) {
    const asked = call(url, `${path}?after_seq=${afterSeq}&limit=500`, { token: reader.token });
    const page = (await expectStatus(200, asked)) as unknown as Page & { entries: T[]; has_more: boolean };
    items.push(...page.entries);
    const last = page.entries.at(-1)?.seq;
    if (!page.has_more || last === undefined || last <= afterSeq) return { items, last: page };
    afterSeq = last;
  }
}

export async function askOutcome(url: string, sender: Account, clientMsgId: string): Promise<AskedOutcome> {
  const path = `/v1/messages/by-client-id/${encodeURIComponent(clientMsgId)}`;
  const { status, body } = await call(url, path, { token: sender.token });
  if (status === 404) return { userId: sender.userId, clientMsgId };
  if (status !== 200) throw new Error(`the outcome was answered with ${status} ${JSON.stringify(body)}`);
  return { userId: sender.userId, clientMsgId, found: body.message as SeenEntry };
}

/** The positions of all members, asked one conversation after the other. */
export async function readPositions(url: string, reader: Account, conversationId: string): Promise<ClientEvent[]> {
  const path = `/v1/conversations/${conversationId}`;
  const members = await expectStatus(200, call(url, `${path}/members?limit=500`, { token: reader.token }));
  // Asked after the members: last_seq may have grown since, never shrunk.
  const { last_seq: lastSeq } = await expectStatus(200, call(url, path, { token: reader.token }));
  return (members.members as { user_id: string; delivered_seq: number; read_seq: number }[]).map((member) => ({
    type: 'positions_read',
    conversationId,
    userId: member.user_id,
    deliveredSeq: member.delivered_seq,
    readSeq: member.read_seq,
    lastSeq: Number(lastSeq),
  }));
}

async function expectStatus(status: number, answer: Promise<Answer>): Promise<Record<string, unknown>> {
  const got = await answer;
  if (got.status !== status) throw new Error(`expected ${status}, got ${got.status} ${JSON.stringify(got.body)}`);
  return got.body;
}
