// The tier of one user: that of the token and the configuration, or one that is set here.

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { useWords } from '../i18n/words.ts';
import { setTier, userQuery } from '../people/people-queries.ts';
import { Failure, useFailure } from '../shell/answer.tsx';
import { tiersQuery } from './tier-queries.ts';

export function TierChoice({ userId, tier }: { readonly userId: string; readonly tier: string | null }) {
  const t = useWords();
  const queries = useQueryClient();
  const tiers = useQuery(tiersQuery);
  const unread = useFailure(tiers);
  /** undefined: as it is on the server. */
  const [chosen, setChosen] = useState<string>();
  const shown = chosen ?? tier ?? '';
  const setting = useMutation({
    mutationFn: (name: string) => setTier(userId, name === '' ? null : name),
    async onSuccess(_, set) {
      await queries.invalidateQueries(userQuery(userId));
      // Another one may have been chosen meanwhile.
      setChosen((now) => (now === set ? undefined : now));
    },
  });
  /** By a button: arrow keys change a select at once, and pass over tiers that are not meant. */
  function submit(event: FormEvent): void {
    event.preventDefault();
    if (!setting.isPending) setting.mutate(shown);
  }
  const problem = setting.error ?? unread;
  const names = Object.keys(tiers.data?.tiers ?? {});
  // What is stored may have left the configuration since.
  const all = tier === null || names.includes(tier) ? names : [...names, tier];
  return (
    <form className="toolbar" onSubmit={submit}>
      <select
        className="input input-small"
        aria-label={t('tiers.tier')}
        value={shown}
        disabled={tiers.data === undefined}
        onChange={(event) => setChosen(event.target.value)}
      >
        <option value="">{t('tiers.notSet')}</option>
        {all.map((name) => (
          <option key={name}>{name}</option>
        ))}
      </select>
      <button type="submit" className="button-small">
        {t('tiers.set')}
      </button>
      {problem && <Failure error={problem} />}
    </form>
  );
}
