// Registered devices: how many of each model and firmware, what still waits to be stored, and those of one kind or by one token.

import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useWords } from '../i18n/words.ts';
import { useAmounts } from '../shell/amounts.ts';
import { Answer } from '../shell/answer.tsx';
import { IdLink } from '../shell/id-link.tsx';
import { More } from '../shell/more.tsx';
import type { PageProps } from '../shell/page-props.ts';
import { hrefOf } from '../shell/route.ts';
import { SearchForm } from '../shell/search-form.tsx';
import { useSearchText } from '../shell/search-text.ts';
import { Table } from '../shell/table.tsx';
import { Ago } from '../shell/time.tsx';
import { tasksQuery } from '../tasks/task-queries.ts';
import { countsQuery, type Device, deviceQuery, devicesQuery, kindsMax, type ModelCount } from './device-queries.ts';

export function DevicesPage({ rest: [model, firmware] }: PageProps) {
  const t = useWords();
  return (
    <>
      <h1>{t('pages.devices')}</h1>
      {model !== undefined && firmware !== undefined ? (
        <OfKind key={hrefOf('devices', model, firmware)} model={model} firmware={firmware} />
      ) : (
        <AllKinds />
      )}
    </>
  );
}

function AllKinds() {
  const t = useWords();
  const { number } = useAmounts();
  const counts = useQuery(countsQuery);
  const [token, setToken] = useSearchText();
  return (
    <>
      <Progress />
      <SearchForm label={t('devices.token')} action={t('app.search')} first={token} onSearch={setToken} />
      {token !== '' && <ByToken key={token} token={token} />}
      <Answer of={counts}>
        {({ total, counts: found }) => (
          <>
            <p>{t('devices.total', { count: number(total) })}</p>
            <CountTable counts={found} total={total} />
            {found.length === kindsMax && <p className="hint">{t('devices.largest', { count: kindsMax })}</p>}
          </>
        )}
      </Answer>
    </>
  );
}

/** A batch under way: what was accepted and is not stored yet. */
function Progress() {
  const t = useWords();
  const { number } = useAmounts();
  const tasks = useQuery({ ...tasksQuery, refetchInterval: 1_000 });
  const registering = tasks.data?.kinds.find(({ kind }) => kind === 'devices.register');
  const waiting = registering === undefined ? 0 : registering.ready + registering.delayed + registering.claimed;
  if (waiting === 0) return null;
  return <output className="notice">{t('devices.progress', { count: number(waiting) })}</output>;
}

function ByToken({ token }: { readonly token: string }) {
  const device = useQuery(deviceQuery(token));
  return <Answer of={device}>{(found) => <DeviceTable devices={[found]} />}</Answer>;
}

function CountTable({ counts, total }: { readonly counts: readonly ModelCount[]; readonly total: number }) {
  const t = useWords();
  const { number } = useAmounts();
  if (counts.length === 0) return <p className="quiet">{t('devices.none')}</p>;
  return (
    <Table
      name={t('devices.kinds')}
      columns={[
        { head: t('devices.model') },
        { head: t('devices.firmware') },
        { head: t('devices.count'), isNumber: true },
        { head: t('devices.share') },
      ]}
    >
      {counts.map(({ model, firmware, count }) => (
        <tr key={hrefOf('devices', model, firmware)}>
          <th scope="row">
            <a className="link" href={hrefOf('devices', model, firmware)}>
              {model}
            </a>
          </th>
          <td className="code">{firmware}</td>
          <td className="number">{number(count)}</td>
          <td>
            <span className="bar" style={{ width: `${(count / Math.max(1, total)) * 100}%` }} aria-hidden="true" />
            <span className="unseen">{`${number((count / Math.max(1, total)) * 100)} %`}</span>
          </td>
        </tr>
      ))}
    </Table>
  );
}

function OfKind(kind: { readonly model: string; readonly firmware: string }) {
  const t = useWords();
  const devices = useInfiniteQuery(devicesQuery(kind));
  return (
    <>
      <p>
        <a className="link" href={hrefOf('devices')}>
          {t('devices.back')}
        </a>
      </p>
      <h2>
        {kind.model} <span className="code">{kind.firmware}</span>
      </h2>
      <Answer of={devices}>
        {({ pages }) => (
          <>
            <DeviceTable devices={pages.flatMap((page) => page.devices)} />
            <More of={devices} />
          </>
        )}
      </Answer>
    </>
  );
}

function DeviceTable({ devices }: { readonly devices: readonly Device[] }) {
  const t = useWords();
  if (devices.length === 0) return <p className="quiet">{t('devices.none')}</p>;
  return (
    <Table
      name={t('pages.devices')}
      isNameUnseen
      columns={[
        { head: t('devices.token') },
        { head: t('devices.model') },
        { head: t('devices.firmware') },
        { head: t('devices.registered') },
        { head: t('users.id') },
        { head: t('users.lastSeen') },
      ]}
    >
      {devices.map(({ device_token, model, firmware, registered_at, user_id, last_seen }) => (
        <tr key={device_token}>
          <th scope="row" className="code">
            {device_token}
          </th>
          <td>{model}</td>
          <td className="code">{firmware}</td>
          <td>
            <Ago at={registered_at} />
          </td>
          <td>{user_id !== undefined && <IdLink page="users" id={user_id} />}</td>
          <td>
            <Ago at={last_seen} />
          </td>
        </tr>
      ))}
    </Table>
  );
}
