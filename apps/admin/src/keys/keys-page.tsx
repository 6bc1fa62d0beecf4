// API keys: which there are and when each was last used; a new one is shown once, a revoked one is refused at once.

import { queryOptions, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { ask } from '../api/operator-api.ts';
import { refetchMs } from '../api/queries.ts';
import { useWords } from '../i18n/words.ts';
import { Answer } from '../shell/answer.tsx';
import { AskedButton } from '../shell/asked-button.tsx';
import { OnceShown } from '../shell/once-shown.tsx';
import { Table } from '../shell/table.tsx';
import { Ago } from '../shell/time.tsx';
import { NewKey } from './new-key.tsx';

interface Key {
  readonly key_id: string;
  readonly name: string;
  readonly scopes: readonly string[];
  readonly created_at: number;
  /** Absent: never. */
  readonly last_used_at?: number;
}

const keysQuery = queryOptions({
  queryKey: ['keys'],
  queryFn: ({ signal }) =>
    ask<{ readonly keys: readonly Key[]; readonly scopes: readonly string[] }>('admin/v1/keys', { signal }),
  refetchInterval: refetchMs,
});

const revoke = (id: string): Promise<void> => ask(`admin/v1/keys/${encodeURIComponent(id)}`, { method: 'DELETE' });

export function KeysPage() {
  const t = useWords();
  const keys = useQuery(keysQuery);
  const [created, setCreated] = useState<string>();
  return (
    <>
      <h1>{t('pages.keys')}</h1>
      <p className="quiet">{t('keys.lead')}</p>
      <Answer of={keys}>
        {(found) => (
          <>
            <NewKey scopes={found.scopes} onCreated={setCreated} />
            {created !== undefined && <OnceShown secret={created} text={t('keys.once')} />}
            <KeyTable keys={found.keys} />
          </>
        )}
      </Answer>
    </>
  );
}

function KeyTable({ keys }: { readonly keys: readonly Key[] }) {
  const t = useWords();
  if (keys.length === 0) return <p className="quiet">{t('keys.none')}</p>;
  return (
    <Table
      name={t('pages.keys')}
      isNameUnseen
      columns={[
        { head: t('keys.name') },
        { head: t('keys.id') },
        { head: t('keys.scopes') },
        { head: t('users.created') },
        { head: t('keys.lastUsed') },
        { head: t('app.actions'), isUnseen: true },
      ]}
    >
      {keys.map(({ key_id, name, scopes, created_at, last_used_at }) => (
        <tr key={key_id}>
          <th scope="row" className="written">
            {name}
          </th>
          <td className="code">{key_id}</td>
          <td className="code">{scopes.join(', ')}</td>
          <td>
            <Ago at={created_at} />
          </td>
          <td>
            <Ago at={last_used_at} />
          </td>
          <td className="actions">
            <AskedButton
              label={t('keys.revoke')}
              name={t('keys.revokeOf', { name })}
              consequence={t('keys.consequence')}
              act={() => revoke(key_id)}
              changes="keys"
            />
          </td>
        </tr>
      ))}
    </Table>
  );
}
