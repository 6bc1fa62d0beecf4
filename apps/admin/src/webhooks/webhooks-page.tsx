// Webhooks: each endpoint with how far behind it is and what failed, or the one that the address names.

import type { WebhookEndpoint } from '@hongyan/protocol/operator/webhooks';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { useWords } from '../i18n/words.ts';
import { useAmounts } from '../shell/amounts.ts';
import { Answer, Failure } from '../shell/answer.tsx';
import { IdLink } from '../shell/id-link.tsx';
import { OnceShown } from '../shell/once-shown.tsx';
import type { PageProps } from '../shell/page-props.ts';
import { Table } from '../shell/table.tsx';
import { EndpointState } from './endpoint-state.tsx';
import { EndpointView } from './endpoint-view.tsx';
import { addEndpoint, endpointsQuery } from './webhook-queries.ts';

export function WebhooksPage({ rest: [id] }: PageProps) {
  return id === undefined ? <EndpointList /> : <EndpointView key={id} id={id} />;
}

function EndpointList() {
  const t = useWords();
  const endpoints = useQuery(endpointsQuery);
  return (
    <>
      <h1>{t('pages.webhooks')}</h1>
      <p className="quiet">{t('webhooks.lead')}</p>
      <NewEndpoint />
      <Answer of={endpoints}>{(found) => <EndpointTable endpoints={found.endpoints} />}</Answer>
    </>
  );
}

function NewEndpoint() {
  const t = useWords();
  const queries = useQueryClient();
  const [url, setUrl] = useState('');
  const adding = useMutation({
    mutationFn: addEndpoint,
    onSuccess(_, added) {
      // The next address may have been begun meanwhile.
      setUrl((now) => (now.trim() === added ? '' : now));
      return queries.invalidateQueries(endpointsQuery);
    },
  });
  function submit(event: FormEvent): void {
    event.preventDefault();
    adding.mutate(url.trim());
  }
  return (
    <>
      <form className="toolbar" onSubmit={submit}>
        <label className="toolbar-field toolbar-wide">
          {t('webhooks.url')}
          <input
            className="input"
            type="url"
            value={url}
            placeholder="https://"
            onChange={(event) => setUrl(event.target.value)}
            required
          />
        </label>
        <button type="submit" className="button" disabled={adding.isPending}>
          {t('webhooks.add')}
        </button>
      </form>
      {adding.error && <Failure error={adding.error} />}
      {adding.data && <OnceShown secret={adding.data.secret} text={t('webhooks.once')} />}
    </>
  );
}

function EndpointTable({ endpoints }: { readonly endpoints: readonly WebhookEndpoint[] }) {
  const t = useWords();
  const { number } = useAmounts();
  if (endpoints.length === 0) return <p className="quiet">{t('webhooks.none')}</p>;
  return (
    <Table
      name={t('pages.webhooks')}
      isNameUnseen
      columns={[
        { head: t('webhooks.url') },
        { head: t('webhooks.state') },
        { head: t('webhooks.behind'), isNumber: true },
        { head: t('webhooks.waiting'), isNumber: true },
        { head: t('webhooks.dead'), isNumber: true },
      ]}
    >
      {endpoints.map((endpoint) => (
        <tr key={endpoint.id}>
          <th scope="row">
            <IdLink page="webhooks" id={endpoint.id} label={endpoint.url} />
          </th>
          <td>
            <EndpointState endpoint={endpoint} />
          </td>
          <td className="number">{number(endpoint.behind)}</td>
          <td className="number">{number(endpoint.waiting)}</td>
          <td className="number">{number(endpoint.dead_letters)}</td>
        </tr>
      ))}
    </Table>
  );
}
