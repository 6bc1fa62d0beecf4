import { expect, test } from 'bun:test';
import { silentLog } from '@hongyan/base/log';
import { ManualClock } from '@hongyan/testing/manual-clock';
import type { NodeRecord } from '../../ports/node-registry/node-registry.ts';
import { NodeList } from './node-list.ts';

const node = (name: string) => ({ name }) as NodeRecord;

test('[O35] who looks while a look is under way learns of a process that came since that one began', async () => {
  const answers: PromiseWithResolvers<readonly NodeRecord[]>[] = [];
  const list = () => {
    const answer = Promise.withResolvers<readonly NodeRecord[]>();
    answers.push(answer);
    return answer.promise;
  };
  const nodeList = new NodeList({ registry: { list }, clock: new ManualClock(), log: silentLog });
  const first = nodeList.look();
  const others = [nodeList.look(), nodeList.look()];
  answers[0]?.resolve([node('one')]);
  await first;
  expect(answers).toHaveLength(2);
  answers[1]?.resolve([node('one'), node('two')]);
  await Promise.all(others);
  expect(nodeList.nodes.map(({ name }) => name)).toEqual(['one', 'two']);
  expect(answers).toHaveLength(2);
  nodeList.stop();
});
