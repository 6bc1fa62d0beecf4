// Takes a profile now; when it is kept, it opens.

import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { useWords } from '../i18n/words.ts';
import { Failure } from '../shell/answer.tsx';
import { hrefOf } from '../shell/route.ts';
import { profileListQuery, takeProfile } from './profile-queries.ts';

const secondsDefault = 10;

export function TakeProfile({ processes }: { readonly processes: readonly string[] }) {
  const t = useWords();
  const queries = useQueryClient();
  const [chosen, setChosen] = useState('');
  // The chosen one may have left since.
  const process = processes.includes(chosen) ? chosen : (processes[0] ?? '');
  const [seconds, setSeconds] = useState(secondsDefault);
  const taking = useMutation({
    mutationFn: takeProfile,
    onSuccess: () => queries.invalidateQueries(profileListQuery),
  });
  function submit(event: FormEvent): void {
    event.preventDefault();
    // Only while this is on the screen: an operator who went on to other work is not taken away from it.
    taking.mutate(
      { process, seconds },
      {
        onSuccess({ id }) {
          location.hash = hrefOf('profiles', id);
        },
      },
    );
  }
  return (
    <form className="toolbar" onSubmit={submit}>
      <label className="toolbar-field">
        {t('profiles.process')}
        <select className="input" value={process} onChange={(event) => setChosen(event.target.value)}>
          {processes.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </label>
      <label className="toolbar-field">
        {t('profiles.seconds')}
        <input
          className="input"
          type="number"
          min={1}
          max={300}
          value={seconds}
          onChange={(event) => setSeconds(event.target.valueAsNumber)}
          required
        />
      </label>
      <button type="submit" className="button" disabled={taking.isPending}>
        {t(taking.isPending ? 'profiles.taking' : 'profiles.take')}
      </button>
      {taking.error && <Failure error={taking.error} />}
    </form>
  );
}
