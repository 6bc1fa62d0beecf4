// One labelled line of a form, with a hint that screen readers read too.

import { useId } from 'react';
import { useProblemFocus } from './use-problem-focus.ts';

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
  /** Why its value was not accepted. */
  readonly problem?: string | undefined;
}) {
  const { problem } = props;
  const id = useId();
  const ref = useProblemFocus(problem);
  return (
    <div className="field">
      <label htmlFor={id}>{props.label}</label>
      <input
        ref={ref}
        id={id}
        className="input"
        name={props.name}
        value={props.value}
        onChange={(event) => props.onChange(event.target.value)}
        autoComplete={props.autoComplete}
        maxLength={props.maxLength ?? 64}
        required={props.isRequired}
        aria-invalid={problem !== undefined}
        aria-describedby={problem !== undefined ? `${id}-problem` : props.hint ? `${id}-hint` : undefined}
        {...(props.isId ? { autoCapitalize: 'none', autoCorrect: 'off', spellCheck: false } : {})}
      />
      {problem !== undefined && (
        <small id={`${id}-problem`} className="problem" role="alert">
          {problem}
        </small>
      )}
      {props.hint && problem === undefined && (
        <small id={`${id}-hint`} className="hint">
          {props.hint}
        </small>
      )}
    </div>
  );
}
