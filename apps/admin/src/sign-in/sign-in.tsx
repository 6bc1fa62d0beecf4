// The first page: the operator token, exchanged for the cookie of a session.

import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useId, useState } from 'react';
import icon from '../../../chat/public/icon.svg';
import { isSignedOut } from '../api/queries.ts';
import { SessionState, signIn } from '../api/session.ts';
import { useWords } from '../i18n/words.ts';
import { Failure } from '../shell/answer.tsx';
import { SettingsChoices } from '../shell/navigation.tsx';

export function SignIn({ problem, hasEnded }: { readonly problem: unknown; readonly hasEnded: boolean }) {
  const t = useWords();
  const queries = useQueryClient();
  const [token, setToken] = useState('');
  const id = useId();
  const entering = useMutation({
    mutationFn: signIn,
    async onSuccess() {
      // What was asked before the sign-in would be refused after it.
      await queries.cancelQueries({ queryKey: SessionState.key });
      queries.setQueryData(SessionState.key, 'signed in');
    },
  });
  function submit(event: FormEvent): void {
    event.preventDefault();
    entering.mutate(token.trim());
  }
  const failure = entering.error ?? problem;
  return (
    <main className="sign-in">
      <form className="sign-in-card" onSubmit={submit}>
        <img className="logo" src={icon} width={56} height={56} alt="" />
        <h1>{t('app.name')}</h1>
        {hasEnded && (
          <p className="notice" role="status">
            {t('signIn.ended')}
          </p>
        )}
        <div className="field">
          <label htmlFor={id}>{t('signIn.token')}</label>
          <input
            id={id}
            className="input code"
            type="password"
            name="token"
            autoComplete="current-password"
            value={token}
            onChange={(event) => setToken(event.target.value)}
            aria-describedby={`${id}-hint`}
            required
          />
          <small id={`${id}-hint`} className="hint">
            {t('signIn.hint')}
          </small>
        </div>
        {isSignedOut(failure) ? <WrongToken /> : failure ? <Failure error={failure} /> : null}
        <button type="submit" className="button" disabled={entering.isPending}>
          {t('signIn.enter')}
        </button>
      </form>
      <div className="sign-in-settings">
        <SettingsChoices />
      </div>
    </main>
  );
}

function WrongToken() {
  const t = useWords();
  return (
    <p className="problem" role="alert">
      {t('signIn.wrong')}
    </p>
  );
}
