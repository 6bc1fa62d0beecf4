// Live connections, a table for each process that clients connect to, each session with a button that closes it.

import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useWords } from '../i18n/words.ts';
import { overviewQuery } from '../overview/overview-query.ts';
import { useAmounts } from '../shell/amounts.ts';
import { Answer } from '../shell/answer.tsx';
import { AskedButton } from '../shell/asked-button.tsx';
import { IdLink } from '../shell/id-link.tsx';
import { More } from '../shell/more.tsx';
import { Table } from '../shell/table.tsx';
import { type Connection, closeSession, connectionsQuery } from './session-queries.ts';

/** `userId`: of this user alone; empty: all. */
export function SessionTables({ userId }: { readonly userId: string }) {
  const overview = useQuery(overviewQuery);
  return (
    <Answer of={overview}>
      {({ processes }) => {
        // Beside gateway processes a core has no connections of its own.
        const gateways = processes.filter((process) => process.takes_clients);
        return gateways.map(({ name }) => <ProcessSessions key={name} process={name} userId={userId} />);
      }}
    </Answer>
  );
}

function ProcessSessions(props: { readonly process: string; readonly userId: string }) {
  const t = useWords();
  const { process } = props;
  const connections = useInfiniteQuery(connectionsQuery(props));
  return (
    <Answer of={connections}>
      {({ pages }) => {
        const all = pages.flatMap((page) => page.connections);
        return all.length === 0 ? (
          <p className="quiet">{t('sessions.none', { process })}</p>
        ) : (
          <>
            <SessionTable process={process} connections={all} />
            <More of={connections} />
          </>
        );
      }}
    </Answer>
  );
}

function SessionTable(props: { readonly process: string; readonly connections: readonly Connection[] }) {
  const t = useWords();
  const { process, connections } = props;
  return (
    <Table
      name={t('sessions.of', { process })}
      columns={[
        { head: t('users.id') },
        { head: t('users.device') },
        { head: t('sessions.address') },
        { head: t('sessions.silent'), isNumber: true },
        { head: t('sessions.inFlight'), isNumber: true },
        { head: t('sessions.unread'), isNumber: true },
        { head: t('sessions.followed'), isNumber: true },
        { head: t('app.actions'), isUnseen: true },
      ]}
    >
      {connections.map((connection) => (
        <SessionRow key={connection.connection} process={process} connection={connection} />
      ))}
    </Table>
  );
}

function SessionRow({ process, connection }: { readonly process: string; readonly connection: Connection }) {
  const t = useWords();
  const { number, bytes, duration } = useAmounts();
  const { user_id, device_id, session_id, address, silent_ms, in_flight, unread_bytes, followed } = connection;
  return (
    <tr>
      <th scope="row">
        {user_id === undefined ? (
          <span className="quiet">{t('sessions.unknown')}</span>
        ) : (
          <IdLink page="users" id={user_id} />
        )}
      </th>
      <td className="code">{device_id}</td>
      <td className="code">{address}</td>
      <td className="number">{duration(silent_ms)}</td>
      <td className="number">{number(in_flight)}</td>
      <td className="number">{bytes(unread_bytes)}</td>
      <td className="number">{number(followed)}</td>
      <td className="actions">
        {session_id !== undefined && (
          <AskedButton
            label={t('sessions.kick')}
            name={t('sessions.kickOf', { user: user_id ?? '', device: device_id ?? '' })}
            consequence={t('sessions.consequence')}
            act={() => closeSession(process, session_id)}
            changes="connections"
          />
        )}
      </td>
    </tr>
  );
}
