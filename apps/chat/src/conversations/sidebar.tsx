// Left of the messages: the user, what can be started, the search, and the conversations.

import type { ConversationId } from '@hongyan/client/api';
import { type KeyboardEvent, useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { openDialogs } from '../dialogs/dialog.tsx';
import { useChat } from '../state/chat-state.ts';
import { Avatar } from '../ui/avatar.tsx';
import { CloseIcon, GroupIcon, NewChatIcon, SearchIcon } from '../ui/icons.tsx';
import { isComposing, isEnter } from '../ui/keys.ts';
import { useName } from '../ui/use-names.ts';
import { useNarrow } from '../ui/use-narrow.ts';
import { ConversationList } from './conversation-list.tsx';

/** The dialogs that start something, and the settings. */
export type StartDialog = 'settings' | 'new-chat' | 'new-group';

export function Sidebar(props: {
  readonly openId: ConversationId | undefined;
  /** No conversation is shown beside it: on a phone the list is the whole page. */
  readonly isAlone: boolean;
  /** `query`: what a dialog that searches begins with. */
  readonly onDialog: (dialog: StartDialog, query?: string) => void;
}) {
  const { onDialog } = props;
  const { t } = useTranslation();
  const isPage = useNarrow() && props.isAlone;
  const { userId } = useChat();
  const name = useName(userId);
  const [query, setQuery] = useState('');
  const sidebarRef = useRef<HTMLDivElement>(null);
  const first = () => sidebarRef.current?.querySelector<HTMLElement>('.conversation');
  function onSearchKey(event: KeyboardEvent): void {
    if (isComposing(event)) return;
    if (event.key === 'Escape') setQuery('');
    else if (event.key === 'ArrowDown') first()?.focus();
    else if (isEnter(event) && query.trim() !== '') first()?.click();
    else return;
    event.preventDefault();
  }
  const landmark = { role: isPage ? 'main' : 'navigation', 'aria-label': t('conversations.label') };
  return (
    <div className="sidebar" {...landmark} ref={sidebarRef}>
      {isPage && <h1 className="unseen">{t('app.name')}</h1>}
      <div className="sidebar-head">
        <button type="button" className="self" title={t('dialogs.settings')} onClick={() => onDialog('settings')}>
          <Avatar id={userId} name={name} size={36} />
          <bdi className="self-name">{name}</bdi>
          <span className="unseen">{t('dialogs.settings')}</span>
        </button>
        <button
          type="button"
          className="button-icon"
          title={t('conversations.newGroup')}
          aria-label={t('conversations.newGroup')}
          onClick={() => onDialog('new-group')}
        >
          <GroupIcon />
        </button>
        <button
          type="button"
          className="button-icon"
          title={t('conversations.newChat')}
          aria-label={t('conversations.newChat')}
          onClick={() => onDialog('new-chat')}
        >
          <NewChatIcon />
        </button>
      </div>
      <Search query={query} onChange={setQuery} onKeyDown={onSearchKey} />
      <ConversationList query={query} openId={props.openId} onStart={onDialog} />
    </div>
  );
}

function Search(props: {
  readonly query: string;
  readonly onChange: (query: string) => void;
  readonly onKeyDown: (event: KeyboardEvent) => void;
}) {
  const { query, onChange, onKeyDown } = props;
  const { t } = useTranslation();
  const ref = useRef<HTMLInputElement>(null);
  useEffect(() => {
    function onKey(event: globalThis.KeyboardEvent): void {
      const isShortcut = (event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey && event.key === 'k';
      if (!isShortcut || openDialogs.get() > 0) return;
      event.preventDefault();
      ref.current?.select();
      ref.current?.focus();
    }
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, []);
  return (
    <search className="search">
      <SearchIcon size={17} />
      <input
        ref={ref}
        type="text"
        value={query}
        onChange={(event) => onChange(event.target.value)}
        onKeyDown={onKeyDown}
        aria-keyshortcuts="Control+K Meta+K"
        placeholder={t('conversations.search')}
        aria-label={t('conversations.search')}
        autoComplete="off"
      />
      {query !== '' && (
        <button
          type="button"
          className="button-icon"
          aria-label={t('conversations.clearSearch')}
          onClick={() => onChange('')}
        >
          <CloseIcon size={16} />
        </button>
      )}
    </search>
  );
}
