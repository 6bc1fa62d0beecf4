// Above the text: what the composer is about when it is not a new message of its own, and the way back.

import type { ReactNode } from 'react';
import { CloseIcon } from '../ui/icons.tsx';

export function ComposerBar(props: {
  readonly icon: ReactNode;
  readonly title: ReactNode;
  readonly text: string;
  readonly cancelLabel: string;
  readonly onCancel: () => void;
}) {
  return (
    <div className="composer-bar">
      {props.icon}
      <p>
        <strong>{props.title}</strong>
        <span dir="auto">{props.text}</span>
      </p>
      <button
        type="button"
        className="button-icon"
        aria-label={props.cancelLabel}
        title={props.cancelLabel}
        onClick={props.onCancel}
      >
        <CloseIcon size={18} />
      </button>
    </div>
  );
}
