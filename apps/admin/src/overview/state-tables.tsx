// What the first page says of this moment: processes, queues against their bounds, and the disk.

import type { OverviewAnswer } from '@hongyan/protocol/operator/overview';
import { useWords } from '../i18n/words.ts';
import { useAmounts } from '../shell/amounts.ts';
import { Facts } from '../shell/facts.tsx';
import { Table } from '../shell/table.tsx';

interface Props {
  readonly overview: OverviewAnswer;
}

export function ProcessTable({ overview }: Props) {
  const t = useWords();
  const { number, bytes } = useAmounts();
  return (
    <Table
      name={t('overview.processes')}
      columns={[
        { head: t('overview.process') },
        { head: t('overview.processConnections'), isNumber: true },
        { head: t('overview.memory'), isNumber: true },
        { head: t('overview.coresHead'), isNumber: true },
        { head: t('overview.lag'), isNumber: true },
      ]}
    >
      {overview.processes.map(({ name, is_up, connections, memory_bytes, cores, loop_lag_ms }) => (
        <tr key={name}>
          <th scope="row" className="code">
            {name}
          </th>
          {is_up ? (
            <>
              <td className="number">{number(connections)}</td>
              <td className="number">{bytes(memory_bytes)}</td>
              <td className="number">{cores === null ? '–' : number(cores)}</td>
              <td className="number">{number(loop_lag_ms)} ms</td>
            </>
          ) : (
            <td colSpan={4} className="problem">
              {t('overview.silent')}
            </td>
          )}
        </tr>
      ))}
    </Table>
  );
}

export function QueueTable({ overview }: Props) {
  const t = useWords();
  const { number } = useAmounts();
  return (
    <Table
      name={t('overview.queues')}
      columns={[
        { head: t('overview.queue') },
        { head: t('overview.waiting'), isNumber: true },
        { head: t('overview.bound'), isNumber: true },
        { head: t('overview.filled') },
      ]}
    >
      {overview.queues.map(({ queue, depth, max }) => (
        <tr key={queue}>
          <th scope="row" className="code">
            {queue}
          </th>
          <td className="number">{number(depth)}</td>
          <td className="number quiet">{number(max)}</td>
          <td>
            <meter
              className="meter"
              min={0}
              max={max}
              high={max * 0.5}
              optimum={0}
              value={depth}
              aria-label={t('overview.filledOf', { queue })}
            />
          </td>
        </tr>
      ))}
    </Table>
  );
}

export function DiskFacts({ overview: { disk } }: Props) {
  const t = useWords();
  const { bytes } = useAmounts();
  return (
    <section className="table-section">
      <h2>{t('overview.disk')}</h2>
      <Facts
        of={[
          [t('overview.free'), t('overview.freeOf', { free: bytes(disk.free_bytes), all: bytes(disk.bytes) })],
          ...disk.stores.map(({ store, bytes: size }) => [store, bytes(size)] as const),
        ]}
      />
    </section>
  );
}
