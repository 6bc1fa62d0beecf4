// Asks before something that has consequences. The button that does nothing has the focus; Escape does nothing too.

import { type ReactNode, useEffect, useId, useRef } from 'react';
import { useWords } from '../i18n/words.ts';

export function Confirm(props: {
  readonly title: string;
  /** What follows from it. */
  readonly children: ReactNode;
  /** The verb on the button. */
  readonly action: string;
  readonly onConfirm: () => void;
  readonly onClose: () => void;
}) {
  const t = useWords();
  const id = useId();
  const dialog = useRef<HTMLDialogElement>(null);
  const cancel = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (dialog.current?.open === false) dialog.current.showModal();
    cancel.current?.focus();
  }, []);
  return (
    <dialog
      ref={dialog}
      className="confirm"
      aria-labelledby={id}
      aria-describedby={`${id}-text`}
      onClose={props.onClose}
    >
      <h2 id={id}>{props.title}</h2>
      <p id={`${id}-text`}>{props.children}</p>
      <div className="buttons">
        <button ref={cancel} type="button" className="button-quiet" onClick={() => dialog.current?.close()}>
          {t('app.cancel')}
        </button>
        <button
          type="button"
          className="button-danger"
          onClick={() => {
            props.onConfirm();
            dialog.current?.close();
          }}
        >
          {props.action}
        </button>
      </div>
    </dialog>
  );
}
