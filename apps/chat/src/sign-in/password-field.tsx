// The password, which can be shown while it is typed.

import { useId, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { EyeIcon, EyeOffIcon } from '../ui/icons.tsx';
import { useProblemFocus } from './use-problem-focus.ts';

export function PasswordField(props: {
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly isNew: boolean;
  /** Why its value was not accepted. */
  readonly problem: string | undefined;
}) {
  const { problem } = props;
  const { t } = useTranslation();
  const id = useId();
  const ref = useProblemFocus(problem);
  const [isShown, setShown] = useState(false);
  return (
    <div className="field">
      <label htmlFor={id}>{t('signIn.password')}</label>
      <div className="input-with-button">
        <input
          ref={ref}
          id={id}
          className="input"
          name="password"
          type={isShown ? 'text' : 'password'}
          value={props.value}
          onChange={(event) => props.onChange(event.target.value)}
          autoComplete={props.isNew ? 'new-password' : 'current-password'}
          maxLength={256}
          required
          aria-invalid={problem !== undefined}
          aria-describedby={problem !== undefined ? `${id}-problem` : props.isNew ? `${id}-hint` : undefined}
        />
        <button
          type="button"
          className="button-icon"
          aria-label={isShown ? t('signIn.hidePassword') : t('signIn.showPassword')}
          onClick={() => setShown(!isShown)}
        >
          {isShown ? <EyeOffIcon /> : <EyeIcon />}
        </button>
      </div>
      {problem !== undefined && (
        <small id={`${id}-problem`} className="problem" role="alert">
          {problem}
        </small>
      )}
      {props.isNew && problem === undefined && (
        <small id={`${id}-hint`} className="hint">
          {t('signIn.passwordHint')}
        </small>
      )}
    </div>
  );
}
