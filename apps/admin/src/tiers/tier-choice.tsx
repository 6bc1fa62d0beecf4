// The tier of one user: that of the token and the configuration, or one that is set here.

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useWords } from '../i18n/words.ts';
import { setTier, userQuery } from '../people/people-queries.ts';
import { Failure } from '../shell/answer.tsx';
import { tiersQuery } from './tier-queries.ts';

export function TierChoice({ userId, tier }: { readonly userId: string; readonly tier: string | null }) {
  const t = useWords();
  const queries = useQueryClient();
  const tiers = useQuery(tiersQuery);
  const setting = useMutation({
    mutationFn: (chosen: string) => setTier(userId, chosen === '' ? null : chosen),
    onSettled: () => queries.invalidateQueries(userQuery(userId)),
  });
  const names = Object.keys(tiers.data?.tiers ?? {});
  // What is stored may have left the configuration since.
  const all = tier === null || names.includes(tier) ? names : [...names, tier];
  return (
    <>
      <select
        className="input input-small"
        aria-label={t('tiers.tier')}
        value={setting.isPending ? setting.variables : (tier ?? '')}
        disabled={setting.isPending || tiers.data === undefined}
        onChange={(event) => setting.mutate(event.target.value)}
      >
        <option value="">{t('tiers.notSet')}</option>
        {all.map((name) => (
          <option key={name}>{name}</option>
        ))}
      </select>
      {setting.error && <Failure error={setting.error} />}
    </>
  );
}
