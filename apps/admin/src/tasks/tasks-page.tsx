// Tasks: what waits to be done, by kind, and what was given up, with why; to be done again or removed for good.

import type { DeadTask, TaskCounts } from '@hongyan/protocol/operator/tasks';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useWords } from '../i18n/words.ts';
import { useAmounts } from '../shell/amounts.ts';
import { Answer } from '../shell/answer.tsx';
import { AskedButton } from '../shell/asked-button.tsx';
import { More } from '../shell/more.tsx';
import { Table } from '../shell/table.tsx';
import { Ago } from '../shell/time.tsx';
import { deadTasksQuery, discardTasks, replayTasks, tasksQuery } from './task-queries.ts';

export function TasksPage() {
  const t = useWords();
  const tasks = useQuery(tasksQuery);
  const dead = useInfiniteQuery(deadTasksQuery);
  return (
    <>
      <h1>{t('pages.tasks')}</h1>
      <p className="quiet">{t('tasks.lead')}</p>
      <Answer of={tasks}>{({ kinds }) => <KindTable kinds={kinds} />}</Answer>
      <Answer of={dead}>
        {({ pages }) => (
          <>
            <DeadTable letters={pages.flatMap((page) => page.dead_letters)} />
            <More of={dead} />
          </>
        )}
      </Answer>
    </>
  );
}

function KindTable({ kinds }: { readonly kinds: readonly TaskCounts[] }) {
  const t = useWords();
  const { number } = useAmounts();
  if (kinds.length === 0) return <p className="quiet">{t('tasks.none')}</p>;
  return (
    <Table
      name={t('tasks.kinds')}
      columns={[
        { head: t('tasks.kind') },
        { head: t('tasks.ready'), isNumber: true },
        { head: t('tasks.delayed'), isNumber: true },
        { head: t('tasks.claimed'), isNumber: true },
        { head: t('tasks.dead'), isNumber: true },
        { head: t('app.actions'), isUnseen: true },
      ]}
    >
      {kinds.map(({ kind, ready, delayed, claimed, dead }) => (
        <tr key={kind}>
          <th scope="row" className="code">
            {kind}
          </th>
          <td className="number">{number(ready)}</td>
          <td className="number">{number(delayed)}</td>
          <td className="number">{number(claimed)}</td>
          <td className="number">{number(dead)}</td>
          <td className="actions">
            {dead > 0 && (
              <AskedButton
                label={t('tasks.replayAll')}
                name={t('tasks.replayAllOf', { kind })}
                consequence={t('tasks.replayConsequence')}
                act={() => replayTasks({ kind })}
                changes="tasks"
              />
            )}
          </td>
        </tr>
      ))}
    </Table>
  );
}

function DeadTable({ letters }: { readonly letters: readonly DeadTask[] }) {
  const t = useWords();
  const { number } = useAmounts();
  if (letters.length === 0) return <p className="quiet">{t('tasks.noDead')}</p>;
  return (
    <Table
      name={t('tasks.deadLetters')}
      columns={[
        { head: t('tasks.kind') },
        { head: t('tasks.died') },
        { head: t('tasks.failures'), isNumber: true },
        { head: t('tasks.error') },
        { head: t('tasks.payload') },
        { head: t('app.actions'), isUnseen: true },
      ]}
    >
      {letters.map(({ task_id, kind, died_at, failures, error, payload, payload_length }) => (
        <tr key={task_id}>
          <th scope="row" className="code" title={task_id}>
            {kind}
          </th>
          <td>
            <Ago at={died_at} />
          </td>
          <td className="number">{number(failures)}</td>
          <td>{error}</td>
          <td>
            <details>
              <summary>{t('tasks.characters', { count: number(payload_length) })}</summary>
              <pre className="code payload">{payload}</pre>
            </details>
          </td>
          <td className="actions">
            <AskedButton
              label={t('tasks.replay')}
              name={t('tasks.replayOf', { id: task_id })}
              consequence={t('tasks.replayConsequence')}
              act={() => replayTasks({ task_ids: [task_id] })}
              changes="tasks"
            />{' '}
            <AskedButton
              label={t('tasks.discard')}
              name={t('tasks.discardOf', { id: task_id })}
              consequence={t('tasks.discardConsequence')}
              act={() => discardTasks({ task_ids: [task_id] })}
              changes="tasks"
            />
          </td>
        </tr>
      ))}
    </Table>
  );
}
