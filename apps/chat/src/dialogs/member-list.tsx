// The members of a group with their roles.

import type { Client, UserId } from '@hongyan/client/api';
import { useEffect } from 'react';
import { useTranslation } from 'react-i18next';
import { useChat } from '../state/chat-state.ts';
import { useSignal } from '../state/signal.ts';
import { Avatar } from '../ui/avatar.tsx';
import { CloseIcon } from '../ui/icons.tsx';

export type Members = Awaited<ReturnType<Client['members']>>;

/** More are not drawn: nobody reads on, and each would be an element. */
const shownMax = 300;

export function MemberList(props: {
  readonly members: Members;
  readonly mayRemove: (userId: UserId) => boolean;
  readonly onRemove: (userId: UserId) => void;
}) {
  const { members } = props;
  const { t } = useTranslation();
  const chat = useChat();
  const presence = useSignal(chat.people.presence);
  useEffect(() => chat.people.watch(members.map((member) => member.userId)), [chat, members]);
  return (
    <ul className="people">
      {members.slice(0, shownMax).map(({ userId, displayName, role }) => (
        <li key={userId} className="person">
          <Avatar id={userId} name={displayName} size={38} online={presence.get(userId)?.online} />
          <span className="person-names">
            <span>
              {displayName}
              {userId === chat.userId && <span className="quiet"> ({t('time.you')})</span>}
            </span>
            <small className="quiet">{userId}</small>
          </span>
          {role === 'owner' && <span className="tag">{t('dialogs.owner')}</span>}
          {props.mayRemove(userId) && (
            <button
              type="button"
              className="button-icon"
              title={t('dialogs.remove', { name: displayName })}
              aria-label={t('dialogs.remove', { name: displayName })}
              onClick={() => props.onRemove(userId)}
            >
              <CloseIcon size={17} />
            </button>
          )}
        </li>
      ))}
    </ul>
  );
}
