// The first page: sign in, or make an account.

import { login, signup } from '@hongyan/client';
import type { UserId } from '@hongyan/client/api';
import { ClientError } from '@hongyan/client/client-error';
import { type FormEvent, useId, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { serverAddress } from '../browser/server-address.ts';
import type { Session } from '../session.ts';
import { useSignal } from '../state/signal.ts';
import { errorWords } from '../ui/error-words.ts';
import { Logo } from '../ui/icons.tsx';
import { LanguageSwitch } from '../ui/language-switch.tsx';
import { Field } from './field.tsx';
import { PasswordField } from './password-field.tsx';

type Mode = 'login' | 'signup';
const userIdPattern = /^[A-Za-z0-9_.@-]{1,64}$/;
const passwordCharsMin = 8;

export function SignIn({ session }: { readonly session: Session }) {
  const { t } = useTranslation();
  const ended = useSignal(session.ended);
  const [mode, setMode] = useState<Mode>('login');
  const [userId, setUserId] = useState<string>(ended?.userId ?? '');
  return (
    <main className="sign-in">
      <div className="sign-in-card">
        <header className="sign-in-head">
          <Logo />
          <h1>{t('app.name')}</h1>
          <p>{t('app.tagline')}</p>
        </header>
        {ended !== undefined && (
          <p className="notice" role="status">
            {t(`signIn.${ended.type}`)}
          </p>
        )}
        <Credentials key={mode} {...{ mode, session, userId, setUserId }} />
        <button type="button" className="link" onClick={() => setMode(mode === 'login' ? 'signup' : 'login')}>
          {mode === 'login' ? t('signIn.toSignup') : t('signIn.toLogin')}
        </button>
      </div>
      <LanguageSwitch />
    </main>
  );
}

/** Under the field that is to be corrected, else above the button. */
interface FormProblem {
  readonly field?: 'userId' | 'password';
  readonly words: string;
}

function Credentials(props: {
  readonly mode: Mode;
  readonly session: Session;
  readonly userId: string;
  readonly setUserId: (userId: string) => void;
}) {
  const { mode, session, userId, setUserId } = props;
  const { t } = useTranslation();
  const [password, setPassword] = useState('');
  const [displayName, setDisplayName] = useState('');
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<FormProblem>();
  const problemOf = (field: FormProblem['field']) => (problem?.field === field ? problem?.words : undefined);
  const problemId = useId();

  async function submit(event: FormEvent): Promise<void> {
    event.preventDefault();
    const trimmed = userId.trim(); // a phone's keyboard ends a word with a space
    if (!userIdPattern.test(trimmed)) return setProblem({ field: 'userId', words: t('errors.bad_user_id') });
    if (mode === 'signup' && password.length < passwordCharsMin)
      return setProblem({ field: 'password', words: t('errors.short_password') });
    setBusy(true);
    setProblem(undefined);
    const account = { url: serverAddress(), userId: trimmed as UserId, password };
    try {
      const name = displayName.trim();
      const answer = mode === 'login' ? login(account) : signup(name ? { ...account, displayName: name } : account);
      session.signIn(await answer);
    } catch (error) {
      setBusy(false);
      const words = errorWords(error, t, { unauthorized: 'wrong_password', conflict: 'taken' });
      setProblem(isTaken(error) ? { field: 'userId', words } : { words });
    }
  }

  return (
    <form
      className="stack"
      onSubmit={(event) => void submit(event)}
      aria-describedby={problemOf(undefined) ? problemId : undefined}
    >
      <Field
        label={t('signIn.userId')}
        hint={mode === 'signup' ? t('signIn.userIdHint') : undefined}
        value={userId}
        onChange={setUserId}
        name="username"
        autoComplete="username"
        isId
        isRequired
        problem={problemOf('userId')}
      />
      <PasswordField
        value={password}
        onChange={setPassword}
        isNew={mode === 'signup'}
        problem={problemOf('password')}
      />
      {mode === 'signup' && (
        <Field
          label={t('signIn.displayName')}
          hint={t('signIn.displayNameHint')}
          value={displayName}
          onChange={setDisplayName}
          name="name"
          autoComplete="name"
        />
      )}
      <p className="problem" id={problemId} role="alert">
        {problemOf(undefined)}
      </p>
      <button type="submit" className="button" disabled={isBusy}>
        {isBusy ? t('signIn.busy') : t(mode === 'login' ? 'signIn.login' : 'signIn.signup')}
      </button>
    </form>
  );
}

const isTaken = (error: unknown): boolean => error instanceof ClientError && error.code === 'conflict';
