// The password, which can be shown while it is typed.

import { useId, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { EyeIcon, EyeOffIcon } from '../ui/icons.tsx';

export function PasswordField(props: {
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly isNew: boolean;
}) {
  const { t } = useTranslation();
  const id = useId();
  const [isShown, setShown] = useState(false);
  return (
    <div className="field">
      <label htmlFor={id}>{t('signIn.password')}</label>
      <div className="input-with-button">
        <input
          id={id}
          className="input"
          name="password"
          type={isShown ? 'text' : 'password'}
          value={props.value}
          onChange={(event) => props.onChange(event.target.value)}
          autoComplete={props.isNew ? 'new-password' : 'current-password'}
          maxLength={256}
          required
          aria-describedby={props.isNew ? `${id}-hint` : undefined}
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
      {props.isNew && (
        <small id={`${id}-hint`} className="hint">
          {t('signIn.passwordHint')}
        </small>
      )}
    </div>
  );
}
