// The search field for people, and the people that match. Enter picks the only one, and goes to the first of several.

import type { User } from '@hongyan/client/api';
import { useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Avatar } from '../ui/avatar.tsx';
import { errorWords } from '../ui/error-words.ts';
import { SearchIcon, TickIcon } from '../ui/icons.tsx';
import { isEnter } from '../ui/keys.ts';
import { nameOfUser } from '../ui/use-names.ts';
import type { UserSearch } from './use-user-search.ts';

export function UserSearchList(props: {
  readonly search: UserSearch;
  readonly onPick: (user: User) => void;
  /** Given where several can be picked: whether this one is. */
  readonly isPicked?: (user: User) => boolean;
  readonly isHidden?: (user: User) => boolean;
}) {
  const { search, onPick, isPicked, isHidden } = props;
  const { t } = useTranslation();
  const users = search.users?.filter((user) => !isHidden?.(user));
  const list = useRef<HTMLUListElement>(null);
  const enter = useEnter(search, () => {
    const [first, second] = users ?? [];
    if (second) list.current?.querySelector('button')?.focus();
    else if (first && !isPicked?.(first)) onPick(first);
  });
  return (
    <>
      <div className="search">
        <SearchIcon size={17} />
        <input
          type="text"
          value={search.query}
          onChange={(event) => search.setQuery(event.target.value)}
          onKeyDown={(event) => {
            if (!isEnter(event)) return;
            // A form around it is not to be submitted by this.
            event.preventDefault();
            enter();
          }}
          placeholder={t('dialogs.userSearch')}
          aria-label={t('dialogs.userSearch')}
          autoComplete="off"
          autoCapitalize="none"
          spellCheck={false}
        />
      </div>
      <p className="problem" role="alert">
        {search.error !== undefined && errorWords(search.error, t)}
      </p>
      <p className="quiet people-hint" role="status">
        {users === undefined && search.error === undefined && t('dialogs.typeToSearch')}
        {users?.length === 0 && t('dialogs.noUsers', { query: search.query })}
      </p>
      <ul ref={list} className="people" aria-label={t('dialogs.people')}>
        {users?.map((user) => (
          <li key={user.user_id}>
            <button type="button" className="person" aria-pressed={isPicked?.(user)} onClick={() => onPick(user)}>
              <Avatar id={user.user_id} name={nameOfUser(user)} size={38} />
              <span className="person-names">
                <bdi>{nameOfUser(user)}</bdi>
                <small className="quiet">{user.user_id}</small>
              </span>
              {isPicked?.(user) && <TickIcon />}
            </button>
          </li>
        ))}
      </ul>
    </>
  );
}

/** Runs `act` on the answer to what is typed: at once when it is there, and when it comes unless something else is typed first. */
function useEnter({ query, isUnderWay }: UserSearch, act: () => void): () => void {
  const [entered, setEntered] = useState<string>();
  useEffect(() => {
    if (entered === undefined || isUnderWay) return;
    setEntered(undefined);
    if (entered === query) act();
  });
  return () => setEntered(query);
}
