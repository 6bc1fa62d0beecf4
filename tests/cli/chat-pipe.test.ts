// hongyan chat in a script: what was not sent is known by its status and on standard error.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { join } from 'node:path';
import { until } from '@hongyan/testing/until';
import { dataFolder } from '../server-process.ts';
import { ChatStage, text } from './chat-stage.ts';

/** Each test starts processes, on a machine that others may use too. */
setDefaultTimeout(60_000);

let stage: ChatStage;

beforeAll(async () => {
  stage = await ChatStage.start();
});

afterAll(() => stage.stop());

test('a line that goes nowhere ends it with 1, and the reason on standard error', async () => {
  await stage.person('ann');
  const { code, stderr } = await stage.pipe('ann', '\nhello there\n');
  expect(stderr).toBe('hongyan chat: line 2: open a conversation first: /list, /open, /new\n');
  expect(code).toBe(1);
});

test('so does a command that there is not, before the lines that may rest on it', async () => {
  const ben = await stage.person('ben');
  await stage.person('cat');
  const typed = 'before\n//etc/hosts is right\n/etc/hosts is wrong\nafter\n';
  const { code, stderr } = await stage.pipe('cat', typed, '--to', 'ben');
  expect(stderr).toMatch(
    /^hongyan chat: line 3: there is no \/etc\/hosts; .* A message that starts with \/ is typed \/\/\n$/,
  );
  expect(code).toBe(1);
  await until(() => ben.received.length === 2);
  expect(ben.received).toEqual(['before', '/etc/hosts is right']);
});

test.each([
  ['/new', 'give what it needs: /new <user_id>'],
  ['/group', 'give what it needs: /group <title> <user_id…>'],
  ['/group trip b$b', 'b$b is no user id: 1 to 64 letters, digits, _ . @ -'],
  ['/open Our trpi', 'no conversation or user is called Our trpi: /list shows yours'],
])('%s says what is wrong with it', async (typed, reason) => {
  const { code, stderr } = await stage.pipe('ann', `${typed}\n`);
  expect(stderr).toBe(`hongyan chat: line 1: ${reason}\n`);
  expect(code).toBe(1);
});

test('a message that the server refuses is told once, and those after it are sent', async () => {
  const [dan, eve] = [await stage.person('dan'), await stage.person('eve')];
  const { conversationId } = await dan.client.createGroup({ title: 'News', members: [eve.id] });
  await dan.client.setRules(conversationId, { post: 'admins' });
  await dan.client.send({ to: eve.id }, text('hello'));
  const state = join(await dataFolder('chat-pipe'), 'eve.db');
  const refused = await stage.pipe('eve', 'mine\n/open dan\nafter\n', '--to', 'News', '--state', state);
  expect(refused.stderr).toMatch(/^hongyan chat: not sent: 1 of your messages was refused: only the owner and admins /);
  expect(refused.code).toBe(1);
  await until(() => dan.received.length === 1);
  expect(dan.received).toEqual(['after']);
  expect(await stage.pipe('eve', '', '--state', state)).toMatchObject({ code: 0, stderr: '' });
});
