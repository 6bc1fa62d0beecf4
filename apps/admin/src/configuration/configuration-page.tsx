// The configuration in force: each option with its value, its default and where the value came from.

import { queryOptions, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { ask } from '../api/operator-api.ts';
import { refetchMs } from '../api/queries.ts';
import { useWords } from '../i18n/words.ts';
import { Answer } from '../shell/answer.tsx';
import { Table } from '../shell/table.tsx';

interface Option {
  readonly name: string;
  readonly value: string | number | boolean;
  readonly default: string | number | boolean;
  readonly source: 'default' | 'file' | 'environment' | 'flag';
  readonly unit?: string;
  readonly description: string;
}

const configurationQuery = queryOptions({
  queryKey: ['configuration'],
  queryFn: ({ signal }) => ask<{ readonly options: readonly Option[] }>('admin/v1/configuration', { signal }),
  refetchInterval: refetchMs,
});

export function ConfigurationPage() {
  const t = useWords();
  const configuration = useQuery(configurationQuery);
  const [wanted, setWanted] = useState('');
  const [isChangedOnly, setChangedOnly] = useState(false);
  return (
    <>
      <h1>{t('pages.configuration')}</h1>
      <p className="quiet">{t('configuration.lead')}</p>
      <search className="toolbar">
        <label className="toolbar-field toolbar-wide">
          {t('configuration.filter')}
          <input className="input" type="search" value={wanted} onChange={(event) => setWanted(event.target.value)} />
        </label>
        <label className="check">
          <input type="checkbox" checked={isChangedOnly} onChange={(event) => setChangedOnly(event.target.checked)} />
          {t('configuration.changedOnly')}
        </label>
      </search>
      <Answer of={configuration}>
        {({ options }) => (
          <OptionTable
            options={options
              .filter(({ source }) => !isChangedOnly || source !== 'default')
              .filter(({ name, description }) => `${name} ${description}`.toLowerCase().includes(wanted.toLowerCase()))}
          />
        )}
      </Answer>
    </>
  );
}

function OptionTable({ options }: { readonly options: readonly Option[] }) {
  const t = useWords();
  if (options.length === 0) return <p className="quiet">{t('configuration.none')}</p>;
  return (
    <Table
      name={t('pages.configuration')}
      isNameUnseen
      columns={[
        { head: t('configuration.option') },
        { head: t('configuration.value') },
        { head: t('configuration.source') },
        { head: t('configuration.meaning') },
      ]}
    >
      {options.map(({ name, value, default: usual, source, unit, description }) => (
        <tr key={name}>
          <th scope="row" className="code">
            {name}
          </th>
          <td>
            <span className="code">{valueText(value)}</span>{' '}
            {unit !== undefined && <span className="quiet">{unit}</span>}
            {source !== 'default' && value !== usual && (
              <span className="below quiet">{t('configuration.usual', { value: valueText(usual) })}</span>
            )}
          </td>
          <td>
            <span className={source === 'default' ? 'quiet' : 'tag'}>{t(`configuration.sources.${source}`)}</span>
          </td>
          <td className="quiet">{description}</td>
        </tr>
      ))}
    </Table>
  );
}

const valueText = (value: Option['value']): string => (value === '' ? '""' : String(value));
