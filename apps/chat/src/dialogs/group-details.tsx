// A group from inside: its name, its members with their roles, and what this member may do with them.

import { unreachable } from '@hongyan/base/assert';
import type { Client, ConversationId, ConversationView, Member, UserId } from '@hongyan/client/api';
import { useCallback, useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { isSystem } from '../messages/message-words.ts';
import { useChat } from '../state/chat-state.ts';
import { type MemberAction, mayAdd, mayRename } from '../state/group-rules.ts';
import { errorWords } from '../ui/error-words.ts';
import { Problem } from '../ui/problem.tsx';
import { isolated, Sentence } from '../ui/sentence.tsx';
import { Confirm } from './confirm.tsx';
import { Dialog } from './dialog.tsx';
import { GroupRules } from './group-rules.tsx';
import { LeaveGroup } from './leave-group.tsx';
import { MemberList, nameOf } from './member-list.tsx';
import { RenameGroup } from './rename-group.tsx';
import { useUserSearch } from './use-user-search.ts';
import { useVersion } from './use-version.ts';
import { UserSearchList } from './user-search-list.tsx';

interface Asked {
  readonly member: Member;
  readonly action: MemberAction;
}

export function GroupDetails(props: { readonly conversation: ConversationView; readonly onClose: () => void }) {
  const { conversation, onClose } = props;
  const { conversationId, role } = conversation;
  const { t } = useTranslation();
  const chat = useChat();
  const { client } = chat;
  const { members, problem, change } = useMembers(conversation);
  const [asked, setAsked] = useState<Asked>();
  return (
    <Dialog title={t('dialogs.groupDetails')} onClose={onClose}>
      <RenameGroup
        title={conversation.title}
        mayChange={mayRename(conversation)}
        onRename={(title) => change(() => client.setTitle(conversationId, title))}
      />
      <h3>{t('conversations.members', { count: conversation.memberCount })}</h3>
      <Problem words={problem} />
      <MemberList members={members} role={role} onAction={(member, action) => setAsked({ member, action })} />
      {mayAdd(conversation) && (
        <AddMember members={members} onAdd={(member) => change(() => client.addMember(conversationId, member))} />
      )}
      <GroupRules
        conversation={conversation}
        onChange={(rules) => void change(() => client.setRules(conversationId, rules))}
      />
      <LeaveGroup
        members={members}
        role={role}
        onLeave={(successor) =>
          void change(async () => {
            if (successor) await client.setRole(conversationId, successor.userId, 'owner');
            await chat.leave(conversationId);
          }, onClose)
        }
      />
      {asked && (
        <Confirm
          title={t(`dialogs.${asked.action}`)}
          action={t(`dialogs.${asked.action}Do`)}
          isDangerous={asked.action === 'removeMember' || asked.action === 'handOver'}
          onConfirm={() => void change(() => runAction(client, conversationId, asked))}
          onClose={() => setAsked(undefined)}
        >
          <Sentence text={t(`dialogs.${asked.action}Sure`, { name: isolated(nameOf(asked.member)) })} />
        </Confirm>
      )}
    </Dialog>
  );
}
function runAction(client: Client, conversationId: ConversationId, { member, action }: Asked): Promise<void> {
  const { userId } = member;
  switch (action) {
    case 'makeAdmin':
      return client.setRole(conversationId, userId, 'admin');
    case 'endAdmin':
      return client.setRole(conversationId, userId, 'member');
    case 'handOver':
      return client.setRole(conversationId, userId, 'owner');
    case 'removeMember':
      return client.removeMember(conversationId, userId);
    default:
      return unreachable(action);
  }
}

function AddMember(props: {
  readonly members: readonly Member[];
  readonly onAdd: (userId: UserId) => Promise<boolean>;
}) {
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
        onPick={(user) => void props.onAdd(user.user_id).then((isDone) => setOpen(!isDone))}
      />
    </section>
  );
}

/**
 * The members, read again when one comes, leaves or has another role, and when the connection is back; `change` runs one change,
 * says what went wrong, and resolves with whether it was done.
 */
function useMembers({ conversationId }: ConversationView) {
  const { t } = useTranslation();
  const { client, people } = useChat();
  const [members, setMembers] = useState<readonly Member[]>([]);
  const [readProblem, setReadProblem] = useState<string>();
  const [problem, setProblem] = useState<string>();

  const load = useCallback(async () => {
    const found = await client.members(conversationId);
    people.learn(found);
    setMembers(found);
    setReadProblem(undefined);
  }, [client, people, conversationId]);

  const follow = useCallback(
    (changed: () => void) => {
      let count = client.conversation(conversationId)?.memberCount;
      const stops = [
        client.on('message', (message) => {
          if (message.conversationId === conversationId && isSystem(message)) changed();
        }),
        client.on('state', ({ type }) => {
          if (type === 'online') changed();
        }),
        client.on('conversation', (view) => {
          if (view.conversationId !== conversationId || view.memberCount === count) return;
          count = view.memberCount;
          changed();
        }),
      ];
      return () => {
        for (const stop of stops) stop();
      };
    },
    [client, conversationId],
  );
  const version = useVersion(follow);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another version means other members or roles
  useEffect(() => {
    load().catch((error: unknown) => setReadProblem(errorWords(error, t)));
  }, [load, version]);

  async function change(run: () => Promise<void>, after: () => void | Promise<void> = load): Promise<boolean> {
    setProblem(undefined);
    setReadProblem(undefined);
    try {
      await run();
      await after();
      return true;
    } catch (error) {
      setProblem(errorWords(error, t));
      return false;
    }
  }
  return { members, problem: problem ?? readProblem, change };
}
