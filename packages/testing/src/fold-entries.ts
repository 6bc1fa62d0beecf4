// The messages that the raw entries of a timeline amount to [E2]: the simplest fold there is, which shares nothing with server or client.

export interface RawEntry {
  readonly seq: number;
  readonly from: string;
  readonly content: unknown;
  readonly reply_to?: { readonly seq: number } | undefined;
  readonly mentions?: unknown;
}

export interface FoldedMessage {
  readonly seq: number;
  readonly from: string;
  readonly content: unknown;
  readonly edited?: number;
  readonly recalled?: true;
  readonly reactions?: readonly { readonly key: string; readonly count: number; readonly mine?: true }[];
  readonly pinned?: true;
  readonly mentions?: unknown;
  /** The seq of the message that is answered, and what it says now. */
  readonly reply_to?: { readonly seq: number; readonly content?: unknown; readonly recalled?: true };
}

interface Message {
  readonly seq: number;
  readonly from: string;
  content: unknown;
  edited?: number;
  recalled?: true;
  pinned?: true;
  mentions?: unknown;
  replyTo?: number;
  readonly reactions: Map<string, Set<string>>;
}

interface Fields {
  readonly type?: string;
  readonly target_seq?: number;
  readonly content?: unknown;
  readonly key?: string;
  readonly op?: string;
  readonly pinned?: boolean;
  readonly changes?: readonly { readonly user_id: string; readonly key: string; readonly op?: string }[];
}

const tombstone = { type: 'hongyan.recalled' };

/** `entries` from seq 1 on. Entries that a recall erased are left out where they were changes: they are void. */
export function foldEntries(entries: readonly RawEntry[], reader: string): FoldedMessage[] {
  const messages = new Map<number, Message>();
  const recalled = new Set(entries.map(({ content }) => recallTargetOf(content as Fields)));
  for (const { seq, from, content, reply_to, mentions } of entries) {
    const fields = content as Fields;
    const target = fields.target_seq === undefined ? undefined : messages.get(fields.target_seq);
    if (target) apply(target, fields, { seq, from });
    else if (fields.type !== tombstone.type || recalled.has(seq))
      messages.set(seq, {
        ...{ seq, from, content, reactions: new Map() },
        ...(mentions === undefined ? {} : { mentions }),
        ...(reply_to === undefined ? {} : { replyTo: reply_to.seq }),
      });
  }
  return [...messages.values()].map((message) => formOf(message, reader, messages));
}

const recallTargetOf = ({ type, target_seq }: Fields) => (type === 'hongyan.recall' ? target_seq : undefined);

function apply(
  message: Message,
  { type, content, key = '', op, pinned, changes = [] }: Fields,
  { seq, from }: { seq: number; from: string },
): void {
  if (type === 'hongyan.edit') {
    message.content = content;
    message.edited = seq;
  } else if (type === 'hongyan.recall') {
    message.content = tombstone;
    message.recalled = true;
    delete message.edited;
    delete message.pinned;
    delete message.mentions;
    delete message.replyTo;
    message.reactions.clear();
  } else if (type === 'hongyan.reaction') {
    react(message, { user_id: from, key, op });
  } else if (type === 'hongyan.reactions') {
    for (const change of changes) react(message, change);
  } else if (type === 'hongyan.pin') {
    if (pinned) message.pinned = true;
    else delete message.pinned;
  } else throw new Error(`an entry of type ${type} changes message ${message.seq}`);
}

function react({ reactions }: Message, { user_id, key, op }: NonNullable<Fields['changes']>[number]): void {
  const users = reactions.get(key) ?? new Set();
  if (op === 'add') users.add(user_id);
  else users.delete(user_id);
  if (users.size === 0) reactions.delete(key);
  else reactions.set(key, users);
}

function formOf(
  { reactions, replyTo, ...own }: Message,
  reader: string,
  messages: ReadonlyMap<number, Message>,
): FoldedMessage {
  const message = replyTo === undefined ? own : { ...own, reply_to: quoteOf(replyTo, messages.get(replyTo)) };
  if (reactions.size === 0) return message;
  const list = Array.from(reactions, ([key, users]) => ({
    key,
    count: users.size,
    ...(users.has(reader) ? { mine: true as const } : {}),
  }));
  return { ...message, reactions: list };
}

function quoteOf(seq: number, message: Message | undefined): NonNullable<FoldedMessage['reply_to']> {
  if (message === undefined) return { seq };
  return message.recalled ? { seq, recalled: true } : { seq, content: message.content };
}
