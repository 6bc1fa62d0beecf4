// The functions of a profile, hottest first: what the flame graph shows, for reading.

import { frameKey, functionTable } from '@hongyan/profile/functions';
import { mainValue, type Profile } from '@hongyan/profile/profile';
import { useMemo } from 'react';
import { useWords } from '../i18n/words.ts';
import { amountWords, shareWords } from './amount.ts';

const rowsMax = 50;

export function FunctionTable({ profile, search }: { readonly profile: Profile; readonly search: string }) {
  const t = useWords();
  const { functions, sum } = useMemo(() => functionTable(profile), [profile]);
  const unit = profile.valueTypes[mainValue(profile)]?.unit ?? 'count';
  const wanted = search.toLowerCase();
  const shown = functions.filter(({ frame }) => `${frame.name} ${frame.file}`.toLowerCase().includes(wanted));
  return (
    <table className="table">
      <thead>
        <tr>
          <th className="number">{t('flame.selfHead')}</th>
          <th className="number">{t('flame.totalHead')}</th>
          <th>{t('flame.function')}</th>
          <th>{t('flame.place')}</th>
        </tr>
      </thead>
      <tbody>
        {shown.slice(0, rowsMax).map(({ frame, self, total }) => (
          <tr key={frameKey(frame)}>
            <td className="number" title={amountWords(self, unit)}>
              {shareWords(self, sum)}
            </td>
            <td className="number" title={amountWords(total, unit)}>
              {shareWords(total, sum)}
            </td>
            <td className="code">{frame.name}</td>
            <td className="code quiet">{frame.line > 0 ? `${frame.file}:${frame.line}` : frame.file}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
