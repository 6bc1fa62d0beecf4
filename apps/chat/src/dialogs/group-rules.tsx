// Who may do what in a group: shown to all, changed by its administrators.

import type { ConversationRules, ConversationView, Who } from '@hongyan/client/api';
import { Choice } from '@hongyan/look/choice';
import { useTranslation } from 'react-i18next';

const choices = ['post', 'add', 'mentionAll'] as const;

export function GroupRules(props: {
  readonly conversation: ConversationView;
  readonly onChange: (rules: Partial<ConversationRules>) => void;
}) {
  const { rules, role } = props.conversation;
  const { t } = useTranslation();
  const who = (value: Who) => ({ value, label: t(`dialogs.who.${value}`) });
  return (
    <section className="group-rules" aria-label={t('dialogs.rules')}>
      <h3>{t('dialogs.rules')}</h3>
      {choices.map((name) => (
        <div key={name} className="setting">
          <span>{t(`dialogs.rule.${name}`)}</span>
          {role === 'member' ? (
            <span className="quiet">{t(`dialogs.who.${rules[name]}`)}</span>
          ) : (
            <Choice
              label={t(`dialogs.rule.${name}`)}
              options={[who('members'), who('admins')]}
              value={rules[name]}
              onChange={(value) => props.onChange({ [name]: value })}
            />
          )}
        </div>
      ))}
      <div className="setting">
        <span>{t('dialogs.rule.historyVisible')}</span>
        {role === 'member' ? (
          <span className="quiet">{t(rules.historyVisible ? 'dialogs.yes' : 'dialogs.no')}</span>
        ) : (
          <Choice
            label={t('dialogs.rule.historyVisible')}
            options={(['yes', 'no'] as const).map((value) => ({ value, label: t(`dialogs.${value}`) }))}
            value={rules.historyVisible ? 'yes' : 'no'}
            onChange={(value) => props.onChange({ historyVisible: value === 'yes' })}
          />
        )}
      </div>
    </section>
  );
}
