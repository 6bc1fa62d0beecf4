// One user: tier, devices, live sessions, and the conversations with how far the user has come in each.

import type { MembershipFacts, UserDevice } from '@hongyan/protocol/operator/people';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useWords } from '../i18n/words.ts';
import { SessionTables } from '../sessions/session-tables.tsx';
import { useAmounts } from '../shell/amounts.ts';
import { Answer } from '../shell/answer.tsx';
import { AskedButton } from '../shell/asked-button.tsx';
import { Facts } from '../shell/facts.tsx';
import { IdLink } from '../shell/id-link.tsx';
import { More } from '../shell/more.tsx';
import { hrefOf } from '../shell/route.ts';
import { Table } from '../shell/table.tsx';
import { Ago } from '../shell/time.tsx';
import { TierChoice } from '../tiers/tier-choice.tsx';
import { Online } from './online.tsx';
import { signOutUser, userConversationsQuery, userQuery } from './people-queries.ts';
import { Title } from './title.tsx';

export function UserView({ id }: { readonly id: string }) {
  const t = useWords();
  const { number } = useAmounts();
  const user = useQuery(userQuery(id));
  return (
    <>
      <p>
        <a className="link" href={hrefOf('users')}>
          {t('users.back')}
        </a>
      </p>
      <h1 className="code">{id}</h1>
      <Answer of={user}>
        {(found) => (
          <>
            <Facts
              of={[
                [t('users.name'), found.display_name],
                ...(found.disabled ? [[t('users.access'), t('users.disabledMeaning')] as const] : []),
                [t('users.created'), <Ago key="created" at={found.created_at} />],
                [t('pages.conversations'), number(found.conversations)],
                [t('tiers.tier'), <TierChoice key="tier" userId={found.user_id} tier={found.tier} />],
              ]}
            />
            <DeviceTable userId={found.user_id} devices={found.devices} />
            <p>
              <AskedButton
                label={t('users.signOutAll')}
                name={t('users.signOutAll')}
                consequence={t('users.signOutConsequence')}
                act={() => signOutUser(found.user_id)}
                changes="users"
              />
            </p>
            <SessionTables userId={found.user_id} />
            <Conversations userId={found.user_id} />
          </>
        )}
      </Answer>
    </>
  );
}

function DeviceTable(props: { readonly userId: string; readonly devices: readonly UserDevice[] }) {
  const { userId, devices } = props;
  const t = useWords();
  if (devices.length === 0) return <p className="quiet">{t('users.noDevices')}</p>;
  return (
    <Table
      name={t('users.devices')}
      columns={[
        { head: t('users.device') },
        { head: t('users.client') },
        { head: t('users.presence') },
        { head: t('users.lastSeen') },
        { head: t('app.actions'), isUnseen: true },
      ]}
    >
      {devices.map(({ device_id, name, online, last_seen }) => (
        <tr key={device_id}>
          <th scope="row" className="code">
            {device_id}
          </th>
          <td>{name}</td>
          <td>
            <Online isOnline={online} />
          </td>
          <td>
            <Ago at={last_seen} />
          </td>
          <td className="actions">
            <AskedButton
              label={t('users.signOut')}
              name={t('users.signOutOf', { device: device_id })}
              consequence={t('users.signOutConsequence')}
              act={() => signOutUser(userId, device_id)}
              changes="users"
            />
          </td>
        </tr>
      ))}
    </Table>
  );
}

function Conversations({ userId }: { readonly userId: string }) {
  const conversations = useInfiniteQuery(userConversationsQuery(userId));
  return (
    <Answer of={conversations}>
      {({ pages }) => (
        <>
          <ConversationTable conversations={pages.flatMap((page) => page.conversations)} />
          <More of={conversations} />
        </>
      )}
    </Answer>
  );
}

function ConversationTable({ conversations }: { readonly conversations: readonly MembershipFacts[] }) {
  const t = useWords();
  const { number } = useAmounts();
  if (conversations.length === 0) return <p className="quiet">{t('users.noConversations')}</p>;
  return (
    <Table
      name={t('pages.conversations')}
      columns={[
        { head: t('conversations.id') },
        { head: t('conversations.kind') },
        { head: t('conversations.title') },
        { head: t('conversations.role') },
        { head: t('conversations.lastSeq'), isNumber: true },
        { head: t('conversations.delivered'), isNumber: true },
        { head: t('conversations.read'), isNumber: true },
      ]}
    >
      {conversations.map((conversation) => (
        <tr key={conversation.conversation_id}>
          <th scope="row">
            <IdLink page="conversations" id={conversation.conversation_id} />
          </th>
          <td>{t(`conversations.kinds.${conversation.kind}`)}</td>
          <td className="written">
            <Title conversation={conversation} />
          </td>
          <td>{t(`conversations.roles.${conversation.role}`)}</td>
          <td className="number">{number(conversation.last_seq)}</td>
          <td className="number">{number(conversation.delivered_seq)}</td>
          <td className="number">{number(conversation.read_seq)}</td>
        </tr>
      ))}
    </Table>
  );
}
