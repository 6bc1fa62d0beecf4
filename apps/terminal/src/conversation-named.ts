// Which conversation a typed name means. Anyone may call themselves and their groups anything, so ids come first and a doubtful name is refused.

import { type Client, ClientError, type ConversationId, type ConversationView, type UserId } from '@hongyan/client';
import { userIdPattern } from '@hongyan/protocol/ids';
import { nameOf } from './lines.ts';
import type { Names } from './names.ts';
import { printable } from './printable.ts';

export interface Directory {
  readonly client: Client;
  readonly names: Names;
}

/** So many ids of conversations with one name are told. */
const toldMax = 5;

/** By the conversation's id, else the id of a user, which begins a conversation with them, else the name that one conversation alone has. */
export async function conversationNamed({ client, names }: Directory, name: string): Promise<ConversationView> {
  const byId =
    client.conversation(name as ConversationId) ?? (isUserId(name) ? await withUser(client, name) : undefined);
  if (byId) return byId;
  const all = client.conversations();
  await names.learn(all.flatMap(({ kind, members }) => (kind === 'direct' ? members : [])));
  const named = all.filter((view) => nameOf(view, (userId) => names.of(userId)) === name);
  const [first, second] = named;
  if (first && !second) return first;
  if (!first) throw new Error(`no conversation or user is called ${printable(name)}: /list shows yours`);
  const ids = named.slice(0, toldMax).map(({ conversationId }) => conversationId);
  const told = `${ids.join(', ')}${named.length > toldMax ? ' …' : ''}`;
  throw new Error(`${named.length} conversations are called ${printable(name)}: give the id of one, ${told}`);
}

export function userIdOf(text: string): UserId {
  if (isUserId(text)) return text;
  throw new Error(`${printable(text)} is no user id: 1 to 64 letters, digits, _ . @ -`);
}

const isUserId = (text: string): text is UserId => new RegExp(userIdPattern).test(text);

/** One that exists is found also while there is no connection; undefined: there is no such user. */
async function withUser(client: Client, userId: UserId): Promise<ConversationView | undefined> {
  const isWith = ({ kind, members: [other] }: ConversationView) =>
    kind === 'direct' && other?.toLowerCase() === userId.toLowerCase();
  const existing = client.conversations().find(isWith);
  if (existing) return existing;
  try {
    return await client.createDirect(userId);
  } catch (error) {
    if (error instanceof ClientError && error.code === 'not_found') return undefined;
    throw error;
  }
}
