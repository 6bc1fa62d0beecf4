// The lines of hongyan chat, made of what the client library tells. No state, no output.

import { unreachable } from '@hongyan/base/assert';
import type { ClientMessage, ConnectionState, ConversationView, UserId } from '@hongyan/client';
import { printable } from './printable.ts';
import type { Screen, Style } from './screen.ts';

type Paint = Screen['style'];

/** What the user calls it: the title, or the other one of a direct conversation. */
export function nameOf(view: ConversationView): string {
  if (view.kind !== 'direct') return printable(view.title);
  return view.members[0] ?? view.conversationId;
}

export interface Line {
  readonly message: ClientMessage;
  readonly mark: string;
}

/** A terminal shows the time of day; a pipe's lines may be read years later. */
export function messageLine({ message, mark }: Line, { kind, style }: Screen): string {
  const time = timeText(message.timestampMs, kind);
  const said = `${style(time, 'dim')} ${style(printable(message.from), 'bold', colourOf(message.from))}: ${contentText(message)}`;
  return mark === '' ? said : `${said}  ${style(mark, message.status === 'failed' ? 'red' : 'dim')}`;
}

export function contentText({ content }: ClientMessage): string {
  const names = (value: unknown): string =>
    Array.isArray(value) ? value.map((id) => printable(String(id))).join(', ') : '';
  if (content.type === 'text') return printable(String(content.text ?? ''));
  if (content.type === 'hongyan.members') return `(${String(content.change)}: ${names(content.user_ids)})`;
  if (content.type === 'hongyan.title') return `(the title is now ${printable(String(content.title))})`;
  return printable(JSON.stringify(content));
}

/** Where one's own message is: in the outbox, durable, and how many of the others have received or read it. */
export function markOf({ status, seq, error }: ClientMessage, view: ConversationView | undefined): string {
  if (status === 'queued') return '… queued';
  if (status === 'failed') return `✗ failed: ${printable(error?.message ?? 'refused')}`;
  if (!view || seq === undefined) return '✓ acked';
  const others = [...view.receipts.values()];
  const read = others.filter((at) => at.readSeq >= seq).length;
  const delivered = others.filter((at) => at.deliveredSeq >= seq).length;
  const all = view.memberCount - 1;
  if (read > 0) return read >= all ? '✓✓ read' : `✓✓ read by ${read} of ${all}`;
  if (delivered > 0) return delivered >= all ? '✓✓ delivered' : `✓✓ delivered to ${delivered} of ${all}`;
  return '✓ acked';
}

export function conversationLine(view: ConversationView, place: number, style: Paint): string {
  const unread = view.unread > 0 ? style(`  ${view.unread} unread`, 'bold', 'yellow') : '';
  const kind = view.kind === 'direct' ? '' : style(` (${view.kind} of ${view.memberCount})`, 'dim');
  const { lastMessage } = view;
  const said = lastMessage ? style(`  ${printable(lastMessage.from)}: ${short(contentText(lastMessage))}`, 'dim') : '';
  return `${String(place).padStart(3)}  ${style(nameOf(view), 'bold')}${kind}${unread}${said}`;
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
