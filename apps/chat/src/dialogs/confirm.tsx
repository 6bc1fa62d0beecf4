// Asks before something that has consequences. The button that does nothing has the focus.

import { type ReactNode, useEffect, useId, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { Dialog } from './dialog.tsx';

export function Confirm(props: {
  readonly title: string;
  /** What follows from it. */
  readonly children: ReactNode;
  /** The verb on the button. */
  readonly action: string;
  /** Default: true. */
  readonly isDangerous?: boolean;
  readonly onConfirm: () => void;
  readonly onClose: () => void;
}) {
  const { t } = useTranslation();
  const textId = useId();
  const cancelRef = useRef<HTMLButtonElement>(null);
  // After the dialog has opened: effects of children run first.
  useEffect(() => cancelRef.current?.focus(), []);
  return (
    <Dialog title={props.title} describedBy={textId} onClose={props.onClose}>
      <p id={textId}>{props.children}</p>
      <div className="buttons confirm">
        <button type="button" className="button-quiet" ref={cancelRef} onClick={props.onClose}>
          {t('dialogs.cancel')}
        </button>
        <button
          type="button"
          className={props.isDangerous === false ? 'button' : 'button-danger'}
          onClick={() => {
            props.onClose();
            props.onConfirm();
          }}
        >
          {props.action}
        </button>
      </div>
    </Dialog>
  );
}
