// Notices: what everyone who is connected is told, until when; a new one, and one taken back.

import { queryOptions, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { ask } from '../api/operator-api.ts';
import { refetchMs } from '../api/queries.ts';
import { useWords } from '../i18n/words.ts';
import { useAmounts } from '../shell/amounts.ts';
import { Answer, Failure } from '../shell/answer.tsx';
import { AskedButton } from '../shell/asked-button.tsx';
import { Table } from '../shell/table.tsx';

const severities = ['info', 'warning', 'critical'] as const;
type Severity = (typeof severities)[number];

interface Notice {
  readonly notice_id: string;
  readonly text: string;
  readonly severity: Severity;
  /** Unix ms. */
  readonly until: number;
}

const noticesQuery = queryOptions({
  queryKey: ['notices'],
  queryFn: ({ signal }) => ask<{ readonly notices: readonly Notice[] }>('admin/v1/notices', { signal }),
  refetchInterval: refetchMs,
});

const publish = (body: {
  readonly text: string;
  readonly severity: Severity;
  readonly for_s: number;
}): Promise<Notice> => ask('admin/v1/notices', { method: 'POST', body });

const withdraw = (id: string): Promise<void> => ask(`admin/v1/notices/${encodeURIComponent(id)}`, { method: 'DELETE' });

export function NoticesPage() {
  const t = useWords();
  const notices = useQuery(noticesQuery);
  return (
    <>
      <h1>{t('pages.notices')}</h1>
      <p className="quiet">{t('notices.lead')}</p>
      <NewNotice />
      <Answer of={notices}>{(found) => <NoticeTable notices={found.notices} />}</Answer>
    </>
  );
}

function NewNotice() {
  const t = useWords();
  const queries = useQueryClient();
  const [text, setText] = useState('');
  const [severity, setSeverity] = useState<Severity>('info');
  const [minutes, setMinutes] = useState(60);
  const publishing = useMutation({
    mutationFn: publish,
    onSuccess(_, published) {
      // The next text may have been begun meanwhile.
      setText((now) => (now.trim() === published.text ? '' : now));
      return queries.invalidateQueries(noticesQuery);
    },
  });
  function submit(event: FormEvent): void {
    event.preventDefault();
    publishing.mutate({ text: text.trim(), severity, for_s: minutes * 60 });
  }
  return (
    <form className="card stack" onSubmit={submit}>
      <label className="toolbar-field">
        {t('notices.text')}
        <textarea
          className="input input-area"
          rows={2}
          maxLength={1_000}
          value={text}
          onChange={(event) => setText(event.target.value)}
          required
        />
      </label>
      <div className="toolbar">
        <label className="toolbar-field">
          {t('notices.severity')}
          <select
            className="input"
            value={severity}
            onChange={({ target }) => setSeverity(severities.find((one) => one === target.value) ?? 'info')}
          >
            {severities.map((one) => (
              <option key={one} value={one}>
                {t(`notices.severities.${one}`)}
              </option>
            ))}
          </select>
        </label>
        <label className="toolbar-field">
          {t('notices.minutes')}
          <input
            className="input"
            type="number"
            min={1}
            max={525_600}
            value={minutes}
            onChange={(event) => setMinutes(event.target.valueAsNumber)}
            required
          />
        </label>
        <button type="submit" className="button" disabled={publishing.isPending}>
          {t('notices.publish')}
        </button>
      </div>
      {publishing.error && <Failure error={publishing.error} />}
    </form>
  );
}

/** Whole characters: half of an emoji is none. */
const beginningOf = (text: string): string => [...text].slice(0, 60).join('');

function NoticeTable({ notices }: { readonly notices: readonly Notice[] }) {
  const t = useWords();
  const { dateTime } = useAmounts();
  if (notices.length === 0) return <p className="quiet">{t('notices.none')}</p>;
  return (
    <Table
      name={t('notices.inForce')}
      columns={[
        { head: t('notices.text') },
        { head: t('notices.severity') },
        { head: t('notices.until') },
        { head: t('app.actions'), isUnseen: true },
      ]}
    >
      {notices.map(({ notice_id, text, severity, until }) => (
        <tr key={notice_id}>
          <th scope="row" className="written">
            {text}
          </th>
          <td>
            <span className="stand" data-severity={severity}>
              {t(`notices.severities.${severity}`)}
            </span>
          </td>
          <td>{dateTime(until)}</td>
          <td className="actions">
            <AskedButton
              label={t('notices.withdraw')}
              name={t('notices.withdrawOf', { text: beginningOf(text) })}
              consequence={t('notices.consequence')}
              act={() => withdraw(notice_id)}
              changes="notices"
            />
          </td>
        </tr>
      ))}
    </Table>
  );
}
