// Tiers: what each allows, as configured. A user's own tier is set on the user's page.

import { useQuery } from '@tanstack/react-query';
import { useWords } from '../i18n/words.ts';
import { useAmounts } from '../shell/amounts.ts';
import { Answer } from '../shell/answer.tsx';
import { Table } from '../shell/table.tsx';
import { type Tier, tiersQuery } from './tier-queries.ts';

export function TiersPage() {
  const t = useWords();
  const tiers = useQuery(tiersQuery);
  return (
    <>
      <h1>{t('pages.tiers')}</h1>
      <p className="quiet">{t('tiers.lead')}</p>
      <Answer of={tiers}>
        {(found) => (
          <Table
            name={t('pages.tiers')}
            isNameUnseen
            columns={[
              { head: t('tiers.name') },
              { head: t('tiers.perS'), isNumber: true },
              { head: t('tiers.burst'), isNumber: true },
              { head: t('tiers.stored'), isNumber: true },
            ]}
          >
            {Object.entries(found.tiers).map(([name, tier]) => (
              <TierRow key={name} name={name} tier={tier} />
            ))}
          </Table>
        )}
      </Answer>
    </>
  );
}

function TierRow({ name, tier }: { readonly name: string; readonly tier: Tier }) {
  const t = useWords();
  const { number, bytes } = useAmounts();
  return (
    <tr>
      <th scope="row" className="code">
        {name}
      </th>
      {tier === null ? (
        <td colSpan={3} className="quiet">
          {t('tiers.unlimited')}
        </td>
      ) : (
        <>
          <td className="number">{number(tier.perS)}</td>
          <td className="number">{number(tier.burst)}</td>
          <td className="number">{bytes(tier.storedBytesPerDay)}</td>
        </>
      )}
    </tr>
  );
}
