// A modal dialog: the browser's own element keeps the focus inside and closes on Escape.

import { type ReactNode, useEffect, useId, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { Signal } from '../state/signal.ts';
import { CloseIcon } from '../ui/icons.tsx';

/** How many are open: what stands behind one is not seen. */
export const openDialogs = new Signal(0);

export function Dialog(props: {
  readonly title: string;
  /** It opened to be typed into: the first text field has the focus, not the button that closes it. */
  readonly isForTyping?: boolean;
  /** Id of the text that is read out with the title. */
  readonly describedBy?: string;
  readonly onClose: () => void;
  readonly children: ReactNode;
}) {
  const { isForTyping } = props;
  const { t } = useTranslation();
  const id = useId();
  const ref = useRef<HTMLDialogElement>(null);
  const pressed = useRef<EventTarget>(null);
  useEffect(() => {
    const dialog = ref.current;
    const before = document.activeElement;
    if (dialog && !dialog.open) {
      dialog.showModal();
      if (isForTyping) dialog.querySelector('input')?.focus();
    }
    return () => {
      if (before instanceof HTMLElement && before.isConnected && document.activeElement === document.body)
        before.focus();
    };
  }, [isForTyping]);
  useEffect(() => {
    openDialogs.set(openDialogs.get() + 1);
    return () => openDialogs.set(openDialogs.get() - 1);
  }, []);
  return (
    <dialog
      ref={ref}
      className="dialog"
      aria-labelledby={id}
      aria-describedby={props.describedBy}
      onClose={(event) => {
        // React passes the event of a dialog inside this one on to this one.
        if (event.target === event.currentTarget) props.onClose();
      }}
      onPointerDown={(event) => {
        pressed.current = event.target;
      }}
      onClick={({ target, currentTarget }) => {
        // Text that is selected with the mouse may end beside the dialog: that is no click beside it.
        if (target === currentTarget && pressed.current === currentTarget) currentTarget.close();
      }}
      onKeyDown={(event) => event.stopPropagation()}
    >
      <div className="dialog-body">
        <header className="dialog-head">
          <h2 id={id}>{props.title}</h2>
          <button
            type="button"
            className="button-icon"
            aria-label={t('dialogs.close')}
            onClick={() => ref.current?.close()}
          >
            <CloseIcon />
          </button>
        </header>
        {props.children}
      </div>
    </dialog>
  );
}
