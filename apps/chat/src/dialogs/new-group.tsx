// Starts a group: a name, and its first members.

import type { User, UserId } from '@hongyan/client/api';
import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { openConversation } from '../browser/route.ts';
import { Field } from '../sign-in/field.tsx';
import { useChat } from '../state/chat-state.ts';
import { errorWords } from '../ui/error-words.ts';
import { CloseIcon } from '../ui/icons.tsx';
import { Problem } from '../ui/problem.tsx';
import { nameOfUser } from '../ui/use-names.ts';
import { Dialog } from './dialog.tsx';
import { useUserSearch } from './use-user-search.ts';
import { UserSearchList } from './user-search-list.tsx';

const titleCharsMax = 128;

export function NewGroup({ onClose }: { readonly onClose: () => void }) {
  const { t } = useTranslation();
  const chat = useChat();
  const search = useUserSearch();
  const [title, setTitle] = useState('');
  const [picked, setPicked] = useState<readonly User[]>([]);
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string>();
  const isPicked = (user: User) => picked.some((other) => other.user_id === user.user_id);
  const drop = (userId: UserId) => setPicked(picked.filter((other) => other.user_id !== userId));

  /** The next person is searched for by another name. */
  function pick(user: User): void {
    if (isPicked(user)) return drop(user.user_id);
    setPicked([...picked, user]);
    search.setQuery('');
  }

  async function create(event: FormEvent): Promise<void> {
    event.preventDefault();
    // Each request makes a group of its own.
    if (isBusy) return;
    setBusy(true);
    setProblem(undefined);
    try {
      const members = picked.map((user) => user.user_id);
      const conversation = await chat.client.createGroup({ title: title.trim(), members });
      chat.refresh();
      onClose();
      openConversation(conversation.conversationId);
    } catch (error) {
      setBusy(false);
      setProblem(errorWords(error, t));
    }
  }

  return (
    <Dialog isForTyping title={t('conversations.newGroup')} onClose={onClose}>
      <form className="stack" onSubmit={(event) => void create(event)}>
        <Field
          label={t('dialogs.groupTitle')}
          value={title}
          onChange={setTitle}
          name="title"
          autoComplete="off"
          maxLength={titleCharsMax}
        />
        <Picked users={picked} onDrop={drop} />
        <UserSearchList
          search={search}
          isPicked={isPicked}
          isHidden={(user) => user.user_id === chat.userId}
          onPick={pick}
        />
        <Problem words={problem} />
        <button type="submit" className="button" disabled={isBusy || title.trim() === ''}>
          {t('dialogs.create')}
        </button>
      </form>
    </Dialog>
  );
}

function Picked({ users, onDrop }: { readonly users: readonly User[]; readonly onDrop: (userId: UserId) => void }) {
  const { t } = useTranslation();
  if (users.length === 0) return null;
  return (
    <ul className="picked" aria-label={t('dialogs.picked', { count: users.length })}>
      {users.map((user) => (
        <li key={user.user_id}>
          <button
            type="button"
            aria-label={t('dialogs.remove', { name: nameOfUser(user) })}
            onClick={() => onDrop(user.user_id)}
          >
            <bdi>{nameOfUser(user)}</bdi>
            <CloseIcon size={14} />
          </button>
        </li>
      ))}
    </ul>
  );
}
