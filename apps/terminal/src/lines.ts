// The lines of hongyan chat, from the events and views of the client library. No state, no output.

import { unreachable } from '@hongyan/base/assert';
import type { ClientMessage, ConnectionState, Content, ConversationView, MessageChange, UserId } from '@hongyan/client';
import { laterStatus, statusAt, statusForSender } from '@hongyan/protocol/status';
import { printable } from './printable.ts';
import type { Screen, Style } from './screen.ts';

type Paint = Screen['style'];
/** What stands for a user: the display name on a terminal, the id in a pipe. */
type NameOf = (userId: UserId) => string;

/** The title of a group, the other user of a direct conversation. */
export function nameOf(view: ConversationView, userName: NameOf): string {
  if (view.kind !== 'direct') return printable(view.title);
  const [other] = view.members;
  return other === undefined ? view.conversationId : userName(other);
}

export interface Line {
  readonly message: ClientMessage;
  readonly mark: string;
  readonly userName: NameOf;
}

/** A terminal shows the time of day; a pipe's lines may be read years later. */
export function messageLine({ message, mark, userName }: Line, { kind, style }: Screen): string {
  const time = style(timeText(message.timestampMs, kind), 'dim');
  const from = style(printable(userName(message.from)), 'bold', colourOf(message.from));
  const line = `${time} ${from}: ${contentText(message, userName)}`;
  return mark === '' ? line : `${line}  ${style(mark, message.status === 'failed' ? 'red' : 'dim')}`;
}

export interface ChangeLine {
  readonly change: MessageChange;
  /** What was changed, where it was shown. */
  readonly target: Pick<ClientMessage, 'from' | 'timestampMs'> | undefined;
  readonly userName: NameOf;
}

/** Of an edit or a recall; undefined for what is not shown: reactions and pins. A recalled text is not said again. */
export function changeText({ change, target, userName }: ChangeLine, kind: Screen['kind']): string | undefined {
  const { from, content } = change;
  const owner = target === undefined || target.from === from ? '' : ` of ${printable(userName(target.from))}`;
  const what = target ? `the message${owner} of ${timeText(target.timestampMs, kind)}` : 'an earlier message';
  const who = printable(userName(from));
  if (content.type === 'hongyan.recall') return `${who} recalled ${what}`;
  if (content.type !== 'hongyan.edit') return undefined;
  return `${who} changed ${what}: ${contentText({ content: content.content as Content }, userName)}`;
}

export function contentText({ content }: Pick<ClientMessage, 'content'>, userName: NameOf): string {
  const names = (value: unknown): string =>
    Array.isArray(value) ? value.map((id) => printable(userName(String(id) as UserId))).join(', ') : '';
  if (content.type === 'text') return printable(String(content.text ?? ''));
  if (content.type === 'hongyan.recalled') return '(recalled)';
  if (content.type === 'hongyan.members') return `(${printable(String(content.change))}: ${names(content.user_ids)})`;
  if (content.type === 'hongyan.role') return `(${names([content.user_id])} is now ${printable(String(content.role))})`;
  if (content.type === 'hongyan.title') return `(the title is now ${printable(String(content.title))})`;
  if (content.type === 'hongyan.rules') return '(who may do what was changed)';
  return printable(JSON.stringify(content));
}

/**
 * Where an own message is: in the outbox, durable, delivered to all others or read by all; else how many of them have it.
 * The status that came with the message counts too: the receipts of an earlier run are not in `view`.
 */
export function markOf({ status, seq, error }: ClientMessage, view: ConversationView | undefined): string {
  if (status === 'queued') return '… queued';
  if (status === 'failed') return `✗ failed: ${printable(error?.message ?? 'refused')}`;
  if (seq === undefined || view === undefined) return statusText[status];
  const others = [...view.receipts.values()];
  const reached = laterStatus(status, statusForSender(seq, others, view.memberCount));
  const statuses = others.map((position) => statusAt(seq, position));
  const all = view.memberCount - 1;
  const read = statuses.filter((each) => each === 'read').length;
  if (reached !== 'read' && read > 0) return `✓✓ read by ${read} of ${all}`;
  const arrived = statuses.filter((each) => each !== 'ack').length;
  if (reached === 'ack' && arrived > 0) return `✓✓ delivered to ${arrived} of ${all}`;
  return statusText[reached];
}

const statusText = { sent: '✓ sent', ack: '✓ acked', delivered: '✓✓ delivered', read: '✓✓ read' } as const;

export interface ConversationRow {
  readonly view: ConversationView;
  /** Its number in /list. */
  readonly place: number;
  readonly userName: NameOf;
}

export function conversationLine({ view, place, userName }: ConversationRow, style: Paint): string {
  const unread = view.unread > 0 ? style(`  ${view.unread} unread`, 'bold', 'yellow') : '';
  const kind = view.kind === 'direct' ? '' : style(` (${view.kind} of ${view.memberCount})`, 'dim');
  const { lastMessage } = view;
  const last = lastMessage
    ? style(`  ${printable(userName(lastMessage.from))}: ${short(contentText(lastMessage, userName))}`, 'dim')
    : '';
  return `${String(place).padStart(3)}  ${style(nameOf(view, userName), 'bold')}${kind}${unread}${last}`;
}

export function stateText(state: ConnectionState, nowMs: number): string {
  switch (state.type) {
    case 'online':
      return 'connected';
    case 'connecting':
      return state.attempt <= 1 ? 'connecting' : `connecting, attempt ${state.attempt}`;
    case 'catching_up':
      return 'catching up';
    case 'reconnecting':
      return `connection lost; trying again in ${(Math.max(0, state.retryAtMs - nowMs) / 1000).toFixed(1)} s`;
    case 'closed':
      return closedText(state.reason);
    default:
      return unreachable(state);
  }
}

function closedText(reason: (ConnectionState & { readonly type: 'closed' })['reason']): string {
  if (reason === 'replaced') return 'another terminal took over this device; give this one a --device of its own';
  if (reason === 'unauthorized' || reason === 'token_revoked') return 'the server does not accept the login any more';
  if (reason === 'protocol_error') return 'the server and this version do not understand each other';
  return 'closed';
}

export const short = (text: string): string => ([...text].length > 40 ? `${[...text].slice(0, 39).join('')}…` : text);

function timeText(unixMs: number, kind: Screen['kind']): string {
  const at = new Date(unixMs);
  return kind === 'plain' ? at.toISOString() : at.toTimeString().slice(0, 8);
}

/** The same for a user in every session. */
function colourOf(userId: UserId): Style {
  const colours = ['cyan', 'green', 'magenta', 'yellow', 'blue'] as const;
  const sum = [...userId].reduce((all, character) => (all * 31 + character.charCodeAt(0)) % 9973, 7);
  return colours[sum % colours.length] ?? 'cyan';
}
