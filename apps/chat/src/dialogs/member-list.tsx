// The members of a group with their roles.

import type { Client, UserId } from '@hongyan/client/api';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useChat } from '../state/chat-state.ts';
import { useSignal } from '../state/signal.ts';
import { Avatar } from '../ui/avatar.tsx';
import { CloseIcon } from '../ui/icons.tsx';
import { isolated, Sentence } from '../ui/sentence.tsx';
import { nameOfUser } from '../ui/use-names.ts';

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
  const [askedFor, setAskedFor] = useState<UserId>();
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <ul className="people" aria-label={t('dialogs.groupMembers')} tabIndex={0}>
      {members.slice(0, shownMax).map(({ userId, displayName, role }) => {
        const name = nameOfUser({ user_id: userId, display_name: displayName });
        return (
          <li key={userId} className="person">
            <Avatar id={userId} name={name} size={38} online={presence.get(userId)?.online} />
            <span className="person-names">
              <span>
                <bdi>{name}</bdi>
                {userId === chat.userId && <span className="quiet"> ({t('time.you')})</span>}
              </span>
              <small className="quiet">{userId}</small>
            </span>
            {role === 'owner' && <span className="tag">{t('dialogs.owner')}</span>}
            {props.mayRemove(userId) && (
              <button
                type="button"
                className="button-icon"
                title={t('dialogs.remove', { name })}
                aria-label={t('dialogs.remove', { name })}
                aria-expanded={askedFor === userId}
                onClick={() => setAskedFor(askedFor === userId ? undefined : userId)}
              >
                <CloseIcon size={17} />
              </button>
            )}
            {askedFor === userId && (
              <RemoveQuestion
                name={name}
                onCancel={() => setAskedFor(undefined)}
                onRemove={() => {
                  setAskedFor(undefined);
                  props.onRemove(userId);
                }}
              />
            )}
          </li>
        );
      })}
    </ul>
  );
}

function RemoveQuestion(props: {
  readonly name: string;
  readonly onCancel: () => void;
  readonly onRemove: () => void;
}) {
  const { t } = useTranslation();
  return (
    <div className="confirm" role="alert">
      <p>
        <Sentence text={t('dialogs.removeSure', { name: isolated(props.name) })} />
      </p>
      <div className="buttons">
        <button type="button" className="button-quiet" onClick={props.onCancel}>
          {t('dialogs.cancel')}
        </button>
        <button type="button" className="button-danger" onClick={props.onRemove}>
          {t('dialogs.removeIt')}
        </button>
      </div>
    </div>
  );
}
