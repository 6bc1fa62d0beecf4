// What can be typed in hongyan chat beside messages: /open, /list and the others.

import type { Client, ConversationId, ConversationView, HistoryPage, Seq, UserId } from '@hongyan/client';
import { distance } from 'fastest-levenshtein';
import { conversationNamed, userIdOf } from './conversation-named.ts';
import type { ConversationScreen, ScreenPage } from './conversation-screen.ts';
import { contentText, conversationLine, short } from './lines.ts';
import type { Names } from './names.ts';
import { printable } from './printable.ts';
import type { Screen } from './screen.ts';

export interface ChatDeps {
  readonly client: Client;
  readonly screen: Screen;
  readonly shown: ConversationScreen;
  readonly names: Names;
}

interface ChatCommand {
  readonly usage: string;
  readonly summary: string;
  run(deps: ChatDeps, words: readonly string[]): Promise<void> | void;
}

const pageSize = 20;
/** So many unread messages before the newest page are shown at once. */
const unreadMax = 100;

export const chatCommands: Readonly<Record<string, ChatCommand>> = {
  '/list': {
    usage: '/list',
    summary: 'Your conversations, newest first',
    run: list,
  },
  '/open': {
    usage: '/open <number | user_id | title>',
    summary:
      'Open one by its number in the list printed last, by a user or conversation id, or by a name that no other has',
    run: (deps, words) => enter(deps, () => listedOrNamed(deps, words.join(' '))),
  },
  '/new': {
    usage: '/new <user_id>',
    summary: 'Start a conversation with a user',
    run: (deps, [userId = '']) => enter(deps, async () => deps.client.createDirect(userIdOf(userId))),
  },
  '/group': {
    usage: '/group <title> <user_id…>',
    summary: 'Start a group; a title of several words stands in "quotes"',
    run: (deps, [title = '', ...members]) =>
      enter(deps, async () => deps.client.createGroup({ title, members: members.map(userIdOf) })),
  },
  '/members': {
    usage: '/members',
    summary: 'The members, and up to which seq they have received and read',
    run: members,
  },
  '/history': { usage: '/history [n]', summary: `What came before, ${pageSize} messages or n`, run: history },
  '/read': {
    usage: '/read',
    summary: 'Mark the conversation as read up to its newest message here, also what was not shown',
    run: ({ shown }) => {
      opened(shown);
      shown.read();
    },
  },
  '/where': {
    usage: '/where',
    summary: 'Where your last message is: for each member, and on your own devices',
    run: where,
  },
  '/help': { usage: '/help', summary: 'This list', run: ({ screen }) => help(screen) },
  '/quit': { usage: '/quit', summary: 'Leave; Ctrl-D does it too', run() {} },
};

/** Rejects with what to do instead when the line makes no sense. */
export async function runCommand(deps: ChatDeps, line: string): Promise<void> {
  const [name = '', ...words] = wordsOf(line);
  const command = chatCommands[name];
  if (command?.usage.includes(' <') && words.join('') === '') throw new Error(`give what it needs: ${command.usage}`);
  if (command) return command.run(deps, words);
  const known = Object.keys(chatCommands);
  const nearest = known.reduce((best, each) => (distance(each, name) < distance(best, name) ? each : best));
  throw new Error(`there is no ${printable(name)}; did you mean ${nearest}? A message that starts with / is typed //`);
}

/** By spaces; what stands in double quotes is one word. */
function wordsOf(line: string): string[] {
  return [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
}

/** Opens what is named from outside the chat, where there is no list that a number could mean. */
export const open = (deps: ChatDeps, name: string): Promise<void> => enter(deps, () => conversationNamed(deps, name));

/** Shows the newest messages and reads along from there. Where it cannot be opened nothing is: the next line would go to somebody else. */
async function enter({ client, shown }: ChatDeps, find: () => Promise<ConversationView>): Promise<void> {
  shown.close();
  const { conversationId } = await find();
  await shown.show(conversationId, () => newestPage(client, conversationId, shown));
}

/** With what is unread before it, where somebody looks and that is not too much. */
async function newestPage(
  client: Client,
  conversationId: ConversationId,
  { isWatched, unreadFrom }: ConversationScreen,
): Promise<ScreenPage> {
  const newest = pageOf(await client.history({ conversationId, limit: pageSize }));
  if (!isWatched || newest.fromSeq <= unreadFrom || client.state.type !== 'online') return newest;
  const older = pageOf(await client.history({ conversationId, beforeSeq: newest.fromSeq, limit: unreadMax }));
  if (older.fromSeq > unreadFrom) return newest;
  const unread = older.messages.filter(({ seq = 0 }) => seq >= unreadFrom);
  return { messages: [...unread, ...newest.messages], fromSeq: unreadFrom };
}

/** Of the conversation up to some message. */
function pageOf({ messages, hasMore, lastSeq }: HistoryPage): ScreenPage {
  const first = messages[0]?.seq ?? lastSeq + 1;
  return { messages, fromSeq: (hasMore ? first : 1) as Seq };
}

async function listedOrNamed(deps: ChatDeps, what: string): Promise<ConversationView> {
  if (!/^\d+$/.test(what)) return conversationNamed(deps, what);
  const id = deps.shown.listed[Number(what) - 1];
  const view = id && deps.client.conversation(id);
  if (view) return view;
  throw new Error(
    `${what} is no number of the list that was printed last: /list shows yours, /new ${what} is a user with this id`,
  );
}

async function list({ client, screen, shown, names }: ChatDeps): Promise<void> {
  const all = client.conversations();
  shown.listed = all.map(({ conversationId }) => conversationId);
  const others = all.flatMap(({ kind, members }) => (kind === 'direct' ? members : []));
  await names.learn([...others, ...all.flatMap(({ lastMessage }) => lastMessage?.from ?? [])]);
  const userName = (userId: UserId): string => names.withId(userId);
  for (const [index, view] of all.entries())
    screen.print(conversationLine({ view, place: index + 1, userName }, screen.style));
  if (all.length === 0) screen.print('no conversation yet; start one by /new <user_id>');
}

function help({ print, style }: Screen): void {
  const all = Object.values(chatCommands);
  const width = Math.max(...all.map(({ usage }) => usage.length));
  for (const { usage, summary } of all) print(`  ${usage.padEnd(width)}  ${style(summary, 'dim')}`);
  print('Anything else is a message to the open conversation.');
}

async function members({ client, screen, shown }: ChatDeps): Promise<void> {
  for (const { userId, displayName, role, deliveredSeq, readSeq } of await client.members(opened(shown))) {
    const name = displayName === userId ? '' : ` ${printable(displayName)}`;
    screen.print(`  ${screen.style(userId, 'bold')}${name}  ${role}, delivered ${deliveredSeq}, read ${readSeq}`);
  }
}

async function history({ client, shown, names }: ChatDeps, [count]: readonly string[]): Promise<void> {
  const conversationId = opened(shown);
  const limit = count === undefined ? pageSize : Number(count);
  if (!Number.isInteger(limit) || limit < 1) throw new Error('/history takes a number of messages');
  const { oldestSeq } = shown;
  const before = oldestSeq === undefined ? {} : { beforeSeq: oldestSeq };
  const page = await client.history({ conversationId, limit, ...before });
  const { messages, hasMore } = page;
  await names.learn(messages.map(({ from }) => from));
  shown.showPage(pageOf(page));
  if (!hasMore) shown.notice(messages.length === 0 ? 'nothing before that' : 'the conversation starts here');
}

async function where({ client, screen, shown, names }: ChatDeps): Promise<void> {
  opened(shown);
  const { lastOwn } = shown;
  if (!lastOwn) throw new Error('there is no message of yours on the screen');
  if (lastOwn.seq === undefined) return shown.notice('it waits in the outbox of this terminal');
  const found = await client.whereIs({ clientMsgId: lastOwn.clientMsgId });
  const text = short(contentText(found.message, (userId) => names.of(userId)));
  screen.print(`"${text}" is durable as seq ${found.message.seq}, msg_id ${found.message.msg_id}`);
  screen.print(
    `delivered to ${found.delivered_count} and read by ${found.read_count} of ${found.recipient_count} others`,
  );
  await names.learn(found.members.map(({ user_id }) => user_id));
  for (const { user_id, status } of found.members)
    screen.print(`  ${screen.style(printable(names.withId(user_id)), 'bold')} ${arrival(status)}`);
  for (const { device_id, name, online, status } of found.devices)
    screen.print(`  your ${printable(name || device_id)}, ${online ? 'online' : 'offline'}: ${arrival(status)}`);
}

/** "ack" means that the server has it: for a member, that it has not arrived. */
const arrival = (status: string): string => (status === 'ack' ? 'not delivered' : status);

function opened({ open: conversationId }: ConversationScreen): ConversationId {
  if (conversationId === undefined) throw new Error('open a conversation first: /list, /open, /new');
  return conversationId;
}
