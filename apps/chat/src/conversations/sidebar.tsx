// Left of the messages: the user, what can be started, the search, and the conversations.

import type { ConversationId } from '@hongyan/client/api';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useChat } from '../state/chat-state.ts';
import { Avatar } from '../ui/avatar.tsx';
import { CloseIcon, GroupIcon, NewChatIcon, SearchIcon } from '../ui/icons.tsx';
import { useName } from '../ui/use-names.ts';
import { useNarrow } from '../ui/use-narrow.ts';
import { ConversationList } from './conversation-list.tsx';

/** The dialogs that start something, and the settings. */
export type StartDialog = 'settings' | 'new-chat' | 'new-group';

export function Sidebar(props: {
  readonly openId: ConversationId | undefined;
  /** No conversation is shown beside it: on a phone the list is the whole page. */
  readonly isAlone: boolean;
  readonly onDialog: (dialog: StartDialog) => void;
}) {
  const { onDialog } = props;
  const { t } = useTranslation();
  const isPage = useNarrow() && props.isAlone;
  const { userId } = useChat();
  const name = useName(userId);
  const [query, setQuery] = useState('');
  const landmark = { role: isPage ? 'main' : 'navigation', 'aria-label': t('conversations.label') };
  return (
    <div className="sidebar" {...landmark}>
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
      <Search query={query} onChange={setQuery} />
      <ConversationList query={query} openId={props.openId} onStart={onDialog} />
    </div>
  );
}

function Search({ query, onChange }: { readonly query: string; readonly onChange: (query: string) => void }) {
  const { t } = useTranslation();
  return (
    <search className="search">
      <SearchIcon size={17} />
      <input
        type="text"
        value={query}
        onChange={(event) => onChange(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === 'Escape') onChange('');
        }}
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
