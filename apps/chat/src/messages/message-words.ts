// A message as one line of plain text: for the list, for screen readers and for the lines that the server writes.

import type { ClientMessage, Content, ConversationKind, UserId } from '@hongyan/client/api';
import type { TFunction } from 'i18next';
import { cleanName } from '../ui/clean-name.ts';
import { isolated } from '../ui/sentence.tsx';

/** A line about members names at most this many, and counts the others. */
const namesMax = 3;

export interface WordsContext {
  readonly t: TFunction;
  readonly nameOf: (userId: UserId) => string;
  readonly kind: ConversationKind;
}

export function textOf(message: ClientMessage, context: WordsContext): string {
  const { content } = message;
  if (message.isRecalled) return context.t('messages.recalled');
  return (
    systemWords(message, context) ?? shownText(content) ?? context.t('messages.unsupported', { type: content.type })
  );
}

/** Applications choose their own content types; a content with a text is shown by it. */
export const shownText = ({ text }: Content): string | undefined => (typeof text === 'string' ? text : undefined);

/** The words of a `hongyan.*` entry, with names marked for Sentence; undefined for every other type. */
function systemWords(message: ClientMessage, context: WordsContext): string | undefined {
  const { t, nameOf, kind } = context;
  const { content, from } = message;
  const actor = isolated(nameOf(from));
  if (content.type === 'hongyan.title') {
    const title = isolated(cleanName(String(content.title ?? '')));
    return kind === 'broadcast'
      ? t('messages.system.titleBroadcast', { actor, title })
      : t('messages.system.title', { actor, title });
  }
  if (content.type === 'hongyan.role') {
    const name = isolated(nameOf(content.user_id as UserId));
    if (content.role === 'owner') return t('messages.system.owner', { actor, name });
    return content.role === 'admin'
      ? t('messages.system.admin', { actor, name })
      : t('messages.system.noAdmin', { actor, name });
  }
  if (content.type === 'hongyan.rules') return t('messages.system.rules', { actor });
  if (content.type !== 'hongyan.members') return undefined;
  const { isOwnDoing } = affected(message);
  const names = namesOf(message, context);
  switch (content.change) {
    case 'created':
      if (kind === 'broadcast') return t('messages.system.createdBroadcast', { actor });
      return isOwnDoing ? t('messages.system.created', { actor }) : t('messages.system.createdWith', { actor, names });
    case 'joined':
      return isOwnDoing ? t('messages.system.joined', { names }) : t('messages.system.added', { actor, names });
    case 'left':
      if (typeof content.new_owner === 'string') {
        return t('messages.system.leftOwner', { names, owner: isolated(nameOf(content.new_owner as UserId)) });
      }
      return isOwnDoing ? t('messages.system.left', { names }) : t('messages.system.removed', { actor, names });
    default:
      return undefined; // a newer server's change: shown as a type that is not supported
  }
}

/** Every user whose name the message shows. */
export function usersIn(message: ClientMessage): readonly UserId[] {
  const { from, content } = message;
  const owner = typeof content.new_owner === 'string' ? [content.new_owner as UserId] : [];
  return [from, ...affected(message).named, ...owner];
}

/** The members whom the entry is about, the sender only where it is about nobody else. `unnamedCount`: those whose names are not shown. */
function affected({ content, from }: ClientMessage) {
  const users = usersOf(content);
  const others = users.filter((userId) => userId !== from);
  const isOwnDoing = others.length === 0;
  const named = (isOwnDoing ? users : others).slice(0, namesMax);
  // The entry lists the first members alone, and counts all.
  const count = typeof content.user_count === 'number' ? content.user_count : users.length;
  const unnamedCount = count - (users.length - others.length) - named.length;
  return { named, unnamedCount, isOwnDoing };
}

function namesOf(message: ClientMessage, { t, nameOf }: WordsContext): string {
  const { named, unnamedCount, isOwnDoing } = affected(message);
  const names = named.map((userId) => isolated(nameOf(userId))).join(t('time.list'));
  return isOwnDoing || unnamedCount <= 0 ? names : t('messages.system.andOthers', { names, count: unnamedCount });
}

export const isSystem = ({ content, isRecalled }: ClientMessage): boolean =>
  content.type.startsWith('hongyan.') && !isRecalled;

function usersOf(content: Content): readonly UserId[] {
  const users: unknown = content.type === 'hongyan.role' ? [content.user_id] : content.user_ids;
  return Array.isArray(users) ? users.filter((id): id is UserId => typeof id === 'string') : [];
}
