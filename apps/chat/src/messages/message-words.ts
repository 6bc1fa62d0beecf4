// A message as one line of plain text: for the list, for screen readers and for the lines the server writes itself.

import type { ClientMessage, Content, UserId } from '@hongyan/client/api';
import type { TFunction } from 'i18next';

type NameOf = (userId: UserId) => string;

export function textOf(message: ClientMessage, t: TFunction, nameOf: NameOf): string {
  const { content } = message;
  if (content.type === 'text') return content.text ?? '';
  return systemWords(message, t, nameOf) ?? t('messages.unsupported', { type: content.type });
}

/** The words of a `hongyan.*` entry; undefined for every other type. */
export function systemWords(message: ClientMessage, t: TFunction, nameOf: NameOf): string | undefined {
  const { content, from } = message;
  const actor = nameOf(from);
  if (content.type === 'hongyan.title')
    return t('messages.system.title', { actor, title: String(content.title ?? '') });
  if (content.type !== 'hongyan.members') return undefined;
  const users = usersOf(content);
  const others = users.filter((userId) => userId !== from);
  const names = (others.length > 0 ? others : users).map(nameOf).join(t('time.list'));
  const isOwnDoing = others.length === 0;
  switch (content.change) {
    case 'created':
      return isOwnDoing ? t('messages.system.created', { actor }) : t('messages.system.createdWith', { actor, names });
    case 'joined':
      return isOwnDoing ? t('messages.system.joined', { names }) : t('messages.system.added', { actor, names });
    case 'left':
      return isOwnDoing ? t('messages.system.left', { names }) : t('messages.system.removed', { actor, names });
    default:
      return undefined;
  }
}

/** Everyone whose name the message shows. */
export function usersIn(message: ClientMessage): readonly UserId[] {
  return [message.from, ...usersOf(message.content)];
}

export const isSystem = (message: ClientMessage): boolean => message.content.type.startsWith('hongyan.');

function usersOf(content: Content): readonly UserId[] {
  const users: unknown = content.user_ids;
  return Array.isArray(users) ? users.filter((id): id is UserId => typeof id === 'string') : [];
}
