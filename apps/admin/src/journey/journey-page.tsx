// A message's journey: by its msg_id, or the client_msg_id that its sender's device gave it, where it is for each member and device.

import { queryOptions, useQuery } from '@tanstack/react-query';
import { Fragment } from 'react';
import { ask } from '../api/operator-api.ts';
import { refetchMs } from '../api/queries.ts';
import { useWords } from '../i18n/words.ts';
import { useAmounts } from '../shell/amounts.ts';
import { Answer } from '../shell/answer.tsx';
import { Facts } from '../shell/facts.tsx';
import { IdLink } from '../shell/id-link.tsx';
import type { PageProps } from '../shell/page-props.ts';
import { hrefOf } from '../shell/route.ts';
import { SearchForm } from '../shell/search-form.tsx';
import { Table } from '../shell/table.tsx';
import { Ago } from '../shell/time.tsx';

type Status = 'ack' | 'delivered' | 'read';

interface Position {
  readonly status: Status;
  readonly delivered_seq: number;
  readonly read_seq: number;
}

interface Journey {
  readonly message: {
    readonly msg_id: string;
    readonly client_msg_id: string;
    readonly conversation_id: string;
    readonly seq: number;
    readonly from: string;
    readonly timestamp: number;
    readonly content_type: string;
  };
  readonly is_being_erased: boolean;
  readonly delivered_count: number;
  readonly read_count: number;
  readonly member_count: number;
  readonly members: readonly (Position & {
    readonly user_id: string;
    readonly devices: readonly (Position & {
      readonly device_id: string;
      readonly name: string;
      readonly last_seen: number;
    })[];
  })[];
}

const journeyQuery = (id: string) =>
  queryOptions({
    queryKey: ['journey', id],
    queryFn: ({ signal }) =>
      ask<{ readonly messages: readonly Journey[] }>(`admin/v1/messages/${encodeURIComponent(id)}`, { signal }),
    refetchInterval: refetchMs,
  });

export function JourneyPage({ rest: [id] }: PageProps) {
  const t = useWords();
  return (
    <>
      <h1>{t('pages.journey')}</h1>
      <p className="quiet">{t('journey.lead')}</p>
      <SearchForm
        key={id}
        label={t('journey.search')}
        action={t('journey.find')}
        first={id ?? ''}
        onSearch={(text) => {
          if (text !== '') location.hash = hrefOf('journey', text);
        }}
      />
      {id !== undefined && <Found key={`${id} found`} id={id} />}
    </>
  );
}

function Found({ id }: { readonly id: string }) {
  const journeys = useQuery(journeyQuery(id));
  return (
    <Answer of={journeys}>
      {({ messages }) => messages.map((journey) => <JourneyView key={journey.message.msg_id} journey={journey} />)}
    </Answer>
  );
}

function JourneyView({ journey }: { readonly journey: Journey }) {
  const t = useWords();
  const { number } = useAmounts();
  const { message, delivered_count, read_count, member_count, members, is_being_erased } = journey;
  const others = number(Math.max(0, member_count - 1));
  return (
    <>
      <ol className="steps">
        <Step isReached title={t('journey.committed')}>
          {t('journey.committedAs', { seq: number(message.seq) })}, <Ago at={message.timestamp} />
        </Step>
        <Step isReached={delivered_count > 0} title={t('journey.statuses.delivered')}>
          {t('journey.toOthers', { count: number(delivered_count), others })}
        </Step>
        <Step isReached={read_count > 0} title={t('journey.statuses.read')}>
          {t('journey.byOthers', { count: number(read_count), others })}
        </Step>
      </ol>
      {is_being_erased && <p className="notice">{t('journey.beingErased')}</p>}
      <Facts
        of={[
          [
            'msg_id',
            <span key="id" className="code">
              {message.msg_id}
            </span>,
          ],
          [
            'client_msg_id',
            <span key="id" className="code">
              {message.client_msg_id}
            </span>,
          ],
          [t('journey.from'), <UserLink key="from" id={message.from} />],
          [t('journey.conversation'), <IdLink key="in" page="conversations" id={message.conversation_id} />],
          [
            t('journey.contentType'),
            <span key="type" className="code">
              {message.content_type}
            </span>,
          ],
        ]}
      />
      <Table
        name={t('conversations.members', { count: number(member_count) })}
        columns={[
          { head: t('journey.who') },
          { head: t('journey.status') },
          { head: t('conversations.delivered'), isNumber: true },
          { head: t('conversations.read'), isNumber: true },
          { head: t('users.lastSeen') },
        ]}
      >
        {members.map(({ user_id, devices, ...position }) => (
          <Fragment key={user_id}>
            <tr>
              <th scope="row">
                <UserLink id={user_id} />
              </th>
              <Stand of={position} isSender={user_id === message.from} />
              <td />
            </tr>
            {devices.map(({ device_id, name, last_seen, ...ofDevice }) => (
              <tr key={device_id} className="row-below">
                <th scope="row">
                  <span className="code">{device_id}</span> <span className="quiet">{name}</span>
                </th>
                <Stand of={ofDevice} isSender={false} />
                <td>
                  <Ago at={last_seen} />
                </td>
              </tr>
            ))}
          </Fragment>
        ))}
      </Table>
      {members.length < member_count && (
        <p className="hint">{t('journey.firstOf', { shown: number(members.length), count: number(member_count) })}</p>
      )}
    </>
  );
}

function Step(props: { readonly title: string; readonly isReached: boolean; readonly children: React.ReactNode }) {
  return (
    <li className="step" data-reached={props.isReached}>
      <strong>{props.title}</strong>
      <span>{props.children}</span>
    </li>
  );
}

/** "ack" is a status of the message: for a member it means that the message has not arrived. */
function Stand({ of, isSender }: { readonly of: Position; readonly isSender: boolean }) {
  const t = useWords();
  const { number } = useAmounts();
  return (
    <>
      <td>
        <span className="stand" data-status={of.status}>
          {t(`journey.statuses.${of.status}`)}
        </span>{' '}
        {isSender && <span className="tag">{t('journey.sender')}</span>}
      </td>
      <td className="number">{number(of.delivered_seq)}</td>
      <td className="number">{number(of.read_seq)}</td>
    </>
  );
}

const UserLink = ({ id }: { readonly id: string }) => <IdLink page="users" id={id} />;
