// One conversation: where it stands, and how far each member has come in it.

import type { ConversationFacts, ConversationMember } from '@hongyan/protocol/operator/people';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useWords } from '../i18n/words.ts';
import { useAmounts } from '../shell/amounts.ts';
import { Answer } from '../shell/answer.tsx';
import { Facts } from '../shell/facts.tsx';
import { IdLink } from '../shell/id-link.tsx';
import { More } from '../shell/more.tsx';
import { hrefOf } from '../shell/route.ts';
import { Table } from '../shell/table.tsx';
import { Ago } from '../shell/time.tsx';
import { conversationQuery, membersQuery } from './people-queries.ts';

export function ConversationView({ id }: { readonly id: string }) {
  const t = useWords();
  const conversation = useQuery(conversationQuery(id));
  return (
    <>
      <p>
        <a className="link" href={hrefOf('conversations')}>
          {t('conversations.back')}
        </a>
      </p>
      <h1 className="code">{id}</h1>
      <Answer of={conversation}>
        {(found) => (
          <>
            <Place conversation={found} />
            <Members conversation={found} />
          </>
        )}
      </Answer>
    </>
  );
}

function Place({ conversation }: { readonly conversation: ConversationFacts }) {
  const t = useWords();
  const { number } = useAmounts();
  const { kind, title, created_at, first_seq, last_seq, messages, last_message_at, segments } = conversation;
  return (
    <Facts
      of={[
        [t('conversations.kind'), t(`conversations.kinds.${kind}`)],
        ...(title === '' ? [] : [[t('conversations.title'), title] as const]),
        [t('conversations.created'), <Ago key="created" at={created_at} />],
        [t('conversations.messages'), number(messages)],
        [t('conversations.lastMessage'), <Ago key="last" at={last_message_at} />],
        [t('conversations.kept'), t('conversations.range', { first: number(first_seq), last: number(last_seq) })],
        [
          t('conversations.months'),
          segments
            .map(({ name, first_seq: from, last_seq: to }) => `${name} (${number(from)}–${number(to)})`)
            .join(', ') || '–',
        ],
      ]}
    />
  );
}

function Members({ conversation }: { readonly conversation: ConversationFacts }) {
  const members = useInfiniteQuery(membersQuery(conversation.conversation_id));
  return (
    <Answer of={members}>
      {({ pages }) => (
        <>
          <MemberTable conversation={conversation} members={pages.flatMap((page) => page.members)} />
          <More of={members} />
        </>
      )}
    </Answer>
  );
}

function MemberTable(props: {
  readonly conversation: ConversationFacts;
  readonly members: readonly ConversationMember[];
}) {
  const t = useWords();
  const { number } = useAmounts();
  const { last_seq, member_count } = props.conversation;
  return (
    <Table
      name={t('conversations.members', { count: number(member_count) })}
      columns={[
        { head: t('users.id') },
        { head: t('conversations.role') },
        { head: t('conversations.delivered'), isNumber: true },
        { head: t('conversations.read'), isNumber: true },
        { head: t('conversations.behind'), isNumber: true },
        { head: t('conversations.visibleFrom'), isNumber: true },
      ]}
    >
      {props.members.map(({ user_id, role, delivered_seq, read_seq, visible_from_seq }) => (
        <tr key={user_id}>
          <th scope="row">
            <IdLink page="users" id={user_id} />
          </th>
          <td>{t(`conversations.roles.${role}`)}</td>
          <td className="number">{number(delivered_seq)}</td>
          <td className="number">{number(read_seq)}</td>
          <td className="number">{number(Math.max(0, last_seq - delivered_seq))}</td>
          <td className="number">{number(visible_from_seq)}</td>
        </tr>
      ))}
    </Table>
  );
}
