// A group from inside: its name, its members, and what this member may do with them.

import type { ConversationView, UserId } from '@hongyan/client/api';
import { useCallback, useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useChat } from '../state/chat-state.ts';
import { errorWords } from '../ui/error-words.ts';
import { Problem } from '../ui/problem.tsx';
import { Dialog } from './dialog.tsx';
import { LeaveGroup } from './leave-group.tsx';
import { MemberList, type Members } from './member-list.tsx';
import { RenameGroup } from './rename-group.tsx';
import { useUserSearch } from './use-user-search.ts';
import { UserSearchList } from './user-search-list.tsx';

export function GroupDetails(props: { readonly conversation: ConversationView; readonly onClose: () => void }) {
  const { conversation, onClose } = props;
  const { conversationId } = conversation;
  const { t } = useTranslation();
  const chat = useChat();
  const { client, userId } = chat;
  const { members, problem, change } = useMembers(conversation);
  const isOwner = members.some((member) => member.userId === userId && member.role === 'owner');
  const mayChange = conversation.kind === 'group' || isOwner;
  return (
    <Dialog title={t('dialogs.groupDetails')} onClose={onClose}>
      <RenameGroup
        title={conversation.title}
        mayChange={mayChange}
        onRename={(title) => change(() => client.setTitle(conversationId, title))}
      />
      <h3>{t('conversations.members', { count: conversation.memberCount })}</h3>
      <Problem words={problem} />
      <MemberList
        members={members}
        mayRemove={(member) => isOwner && member !== userId}
        onRemove={(member) => void change(() => client.removeMember(conversationId, member))}
      />
      {mayChange && (
        <AddMember members={members} onAdd={(member) => change(() => client.addMember(conversationId, member))} />
      )}
      <LeaveGroup onLeave={() => change(() => chat.leave(conversationId), onClose)} />
    </Dialog>
  );
}

function AddMember(props: { readonly members: Members; readonly onAdd: (userId: UserId) => Promise<void> }) {
  const { t } = useTranslation();
  const search = useUserSearch();
  const [isOpen, setOpen] = useState(false);
  if (!isOpen) {
    return (
      <button type="button" className="button-quiet" onClick={() => setOpen(true)}>
        {t('dialogs.add')}
      </button>
    );
  }
  return (
    <section aria-label={t('dialogs.add')}>
      <UserSearchList
        search={search}
        isHidden={(user) => props.members.some((member) => member.userId === user.user_id)}
        onPick={(user) => void props.onAdd(user.user_id).then(() => setOpen(false))}
      />
    </section>
  );
}

/** The members, read again when their number changes; `change` runs one change and says what went wrong. */
function useMembers({ conversationId, memberCount }: ConversationView) {
  const { t } = useTranslation();
  const { client, people } = useChat();
  const [members, setMembers] = useState<Members>([]);
  const [problem, setProblem] = useState<string>();

  const load = useCallback(async () => {
    const found = await client.members(conversationId);
    people.learn(found);
    setMembers(found);
  }, [client, people, conversationId]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: another count means other members
  useEffect(() => {
    load().catch((error: unknown) => setProblem(errorWords(error, t)));
  }, [load, memberCount]);

  async function change(run: () => Promise<void>, after: () => void | Promise<void> = load): Promise<void> {
    setProblem(undefined);
    try {
      await run();
      await after();
    } catch (error) {
      setProblem(errorWords(error, t));
    }
  }
  return { members, problem, change };
}
