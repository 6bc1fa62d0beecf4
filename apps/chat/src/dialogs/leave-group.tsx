// Leaves a group, after asking once: its messages cannot be read after that. The owner hands it over first.

import type { ConversationView, Member } from '@hongyan/client/api';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useChat } from '../state/chat-state.ts';
import { isolated, Sentence } from '../ui/sentence.tsx';
import { Confirm } from './confirm.tsx';
import { Dialog } from './dialog.tsx';
import { MemberChoice, nameOf } from './member-list.tsx';

export function LeaveGroup(props: {
  readonly members: readonly Member[];
  readonly role: ConversationView['role'];
  /** `successor`: who becomes the owner before. */
  readonly onLeave: (successor?: Member) => void;
}) {
  const { t } = useTranslation();
  const { userId } = useChat();
  const [step, setStep] = useState<'ask' | 'choose' | Member>();
  const end = () => setStep(undefined);
  const others = props.members.filter((member) => member.userId !== userId);
  const mustHandOver = props.role === 'owner' && others.length > 0;
  return (
    <>
      <button type="button" className="button-danger" onClick={() => setStep(mustHandOver ? 'choose' : 'ask')}>
        {t('dialogs.leave')}
      </button>
      {step === 'ask' && (
        <Confirm
          title={t('dialogs.leaveTitle')}
          action={t('dialogs.leave')}
          onConfirm={() => props.onLeave()}
          onClose={end}
        >
          {t('dialogs.leaveSure')}
        </Confirm>
      )}
      {step === 'choose' && (
        <Dialog title={t('dialogs.handOverFirst')} onClose={end}>
          <p>{t('dialogs.handOverWhy')}</p>
          <MemberChoice members={others} onPick={setStep} />
        </Dialog>
      )}
      {typeof step === 'object' && (
        <Confirm
          title={t('dialogs.handOverFirst')}
          action={t('dialogs.handOverAndLeave')}
          onConfirm={() => props.onLeave(step)}
          onClose={end}
        >
          <Sentence text={t('dialogs.handOverAndLeaveSure', { name: isolated(nameOf(step)) })} />
        </Confirm>
      )}
    </>
  );
}
