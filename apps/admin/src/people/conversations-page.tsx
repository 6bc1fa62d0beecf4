// Conversations: all of them, those found by the beginning of an id or of a word of a title, those of a member; or the one that the
// address names. No message is shown: what users write is not for operators.

import type { ListedConversation } from '@hongyan/protocol/operator/people';
import { useInfiniteQuery } from '@tanstack/react-query';
import { useWords } from '../i18n/words.ts';
import { useAmounts } from '../shell/amounts.ts';
import { Answer } from '../shell/answer.tsx';
import { IdLink } from '../shell/id-link.tsx';
import { More } from '../shell/more.tsx';
import type { PageProps } from '../shell/page-props.ts';
import { SearchForm } from '../shell/search-form.tsx';
import { useSearchText } from '../shell/search-text.ts';
import { Table } from '../shell/table.tsx';
import { Ago } from '../shell/time.tsx';
import { ConversationView } from './conversation-view.tsx';
import { type ConversationSearch, conversationsQuery } from './people-queries.ts';
import { Title } from './title.tsx';

export function ConversationsPage({ rest: [id] }: PageProps) {
  return id === undefined ? <ConversationSearchPage /> : <ConversationView key={id} id={id} />;
}

function ConversationSearchPage() {
  const t = useWords();
  const [text, search] = useSearchText();
  return (
    <>
      <h1>{t('pages.conversations')}</h1>
      <p className="quiet">{t('conversations.lead')}</p>
      <SearchForm
        label={t('conversations.search')}
        hint={t('conversations.hint')}
        action={t('app.search')}
        first={text}
        onSearch={search}
      />
      {isUserId(text) ? <TitlesAndMember text={text} /> : <Found search={{ query: text }} />}
    </>
  );
}

/** The id of a conversation has a colon, that of a user never has one. */
const isUserId = (text: string): boolean => /^[\w.@-]{1,64}$/.test(text);

/** What may be the id of a user may be the beginning of a title as well. */
function TitlesAndMember({ text }: { readonly text: string }) {
  const t = useWords();
  return (
    <>
      <Found
        search={{ query: text }}
        name={t('conversations.titled', { text })}
        none={t('conversations.noneTitled', { text })}
      />
      <Found
        search={{ member: text }}
        name={t('conversations.withMember', { user: text })}
        none={t('conversations.noneWithMember', { user: text })}
      />
    </>
  );
}

function Found(props: { readonly search: ConversationSearch; readonly name?: string; readonly none?: string }) {
  const t = useWords();
  const conversations = useInfiniteQuery(conversationsQuery(props.search));
  return (
    <Answer of={conversations}>
      {({ pages }) => {
        const found = pages.flatMap((page) => page.conversations);
        if (found.length === 0) return <p className="quiet">{props.none ?? t('conversations.none')}</p>;
        return (
          <>
            <ConversationTable name={props.name} conversations={found} />
            {pages.at(-1)?.is_cut && <p className="hint">{t('app.cut', { count: found.length })}</p>}
            <More of={conversations} />
          </>
        );
      }}
    </Answer>
  );
}

function ConversationTable(props: {
  readonly name: string | undefined;
  readonly conversations: readonly ListedConversation[];
}) {
  const t = useWords();
  const { number } = useAmounts();
  return (
    <Table
      name={props.name ?? t('pages.conversations')}
      isNameUnseen={props.name === undefined}
      columns={[
        { head: t('conversations.id') },
        { head: t('conversations.title') },
        { head: t('conversations.kind') },
        { head: t('conversations.memberCount'), isNumber: true },
        { head: t('conversations.messages'), isNumber: true },
        { head: t('conversations.lastMessage') },
        { head: t('conversations.created') },
      ]}
    >
      {props.conversations.map((conversation) => {
        const { conversation_id, kind, member_count, messages, last_message_at, created_at } = conversation;
        return (
          <tr key={conversation_id}>
            <th scope="row">
              <IdLink page="conversations" id={conversation_id} />
            </th>
            <td className="written">
              <Title conversation={conversation} />
            </td>
            <td>{t(`conversations.kinds.${kind}`)}</td>
            <td className="number">{number(member_count)}</td>
            <td className="number">{number(messages)}</td>
            <td>
              <Ago at={last_message_at} />
            </td>
            <td>
              <Ago at={created_at} />
            </td>
          </tr>
        );
      })}
    </Table>
  );
}
