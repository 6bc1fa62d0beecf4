// One labelled line of a form, with a hint that screen readers read too.

import { useId } from 'react';

export function Field(props: {
  readonly label: string;
  readonly hint?: string | undefined;
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly name: string;
  readonly autoComplete: string;
  /** An identifier: never capitalised or corrected by a phone. */
  readonly isId?: boolean;
  readonly maxLength?: number;
  readonly isRequired?: boolean;
}) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{props.label}</label>
      <input
        id={id}
        className="input"
        name={props.name}
        value={props.value}
        onChange={(event) => props.onChange(event.target.value)}
        autoComplete={props.autoComplete}
        maxLength={props.maxLength ?? 64}
        required={props.isRequired}
        aria-describedby={props.hint ? `${id}-hint` : undefined}
        {...(props.isId ? { autoCapitalize: 'none', autoCorrect: 'off', spellCheck: false } : {})}
      />
      {props.hint && (
        <small id={`${id}-hint`} className="hint">
          {props.hint}
        </small>
      )}
    </div>
  );
}
