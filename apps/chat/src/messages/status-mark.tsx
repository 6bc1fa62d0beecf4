// The small sign beside an own message: waits, sent, delivered, read, failed.

import { unreachable } from '@hongyan/base/assert';
import { AlertIcon, ClockIcon, DoubleTickIcon, TickIcon } from '../ui/icons.tsx';
import type { Mark } from './mark.ts';

/** Decoration only: the words are in the label of the message. */
export function StatusMark({ mark }: { readonly mark: Mark }) {
  return (
    <span className="mark" data-mark={mark}>
      <Sign mark={mark} />
    </span>
  );
}

function Sign({ mark }: { readonly mark: Mark }) {
  switch (mark) {
    case 'queued':
      return <ClockIcon size={13} />;
    case 'failed':
      return <AlertIcon size={15} />;
    case 'sent':
    case 'ack':
      return <TickIcon size={15} />;
    case 'delivered':
    case 'read':
      return <DoubleTickIcon size={17} />;
    default:
      return unreachable(mark);
  }
}
