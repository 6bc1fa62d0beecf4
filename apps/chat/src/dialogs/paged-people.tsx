// A list of people that comes page by page: how many there are, those that were read, and the way to more.

import type { UserId } from '@hongyan/client/api';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useChat } from '../state/chat-state.ts';
import { Avatar } from '../ui/avatar.tsx';
import { Problem } from '../ui/problem.tsx';
import { nameOfUser } from '../ui/use-names.ts';
import type { Pages } from './use-pages.ts';

interface ListedUser {
  readonly userId: UserId;
  readonly displayName: string;
}

export function PagedPeople<T extends ListedUser>(props: {
  readonly label: string;
  readonly pages: Pages<T>;
  /** Stands where nobody is listed. */
  readonly none: string;
  /** At the end of the line of each. */
  readonly mark?: (user: T) => ReactNode;
}) {
  const { list, problem, more } = props.pages;
  const { t } = useTranslation();
  const { userId: self } = useChat();
  const left = list ? list.count - list.items.length : 0;
  return (
    <>
      <Problem words={problem} />
      {list?.items.length === 0 && <p className="quiet people-none">{props.none}</p>}
      {!list && !problem && <p className="quiet people-none">{t('messages.loading')}</p>}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <ul className="people" aria-label={props.label} tabIndex={0}>
        {list?.items.map((user) => {
          const name = nameOfUser({ user_id: user.userId, display_name: user.displayName });
          return (
            <li key={user.userId} className="person">
              <Avatar id={user.userId} name={name} size={38} />
              <span className="person-names">
                <span>
                  <bdi>{name}</bdi>
                  {user.userId === self && <span className="quiet"> ({t('time.you')})</span>}
                </span>
              </span>
              {props.mark?.(user)}
            </li>
          );
        })}
        {list?.next !== undefined && (
          <li>
            <button type="button" className="button-quiet people-more" onClick={more}>
              {left > 0 ? t('dialogs.more', { count: left }) : t('dialogs.moreSome')}
            </button>
          </li>
        )}
      </ul>
    </>
  );
}
