// To whom hongyan chat sends what is typed, whatever others call themselves and their groups.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { until } from '@hongyan/testing/until';
import { ChatStage, text } from './chat-stage.ts';

/** Each test starts processes, on a machine that others may use too. */
setDefaultTimeout(60_000);

let stage: ChatStage;

beforeAll(async () => {
  stage = await ChatStage.start();
});

afterAll(() => stage.stop());

test('a user id is that user, whatever groups are called', async () => {
  const [ann, ben, mallory] = [await stage.person('ann'), await stage.person('ben'), await stage.person('mallory')];
  await ann.client.send({ to: ben.id }, text('before'));
  const { conversationId } = await mallory.client.createGroup({ title: 'ben', members: [ann.id] });
  await mallory.client.send({ conversationId }, text('newest'));
  expect(await stage.pipe('ann', 'the password is 1234\n', '--to', 'ben')).toMatchObject({ code: 0 });
  // Also where there is no conversation with that user yet, and in the other case of letters.
  const cleo = await stage.person('cleo');
  await mallory.client.createGroup({ title: 'cleo', members: [ann.id] });
  expect(await stage.pipe('ann', 'for cleo\n', '--to', 'Cleo')).toMatchObject({ code: 0 });
  await until(() => ben.received.length === 2 && cleo.received.length === 1);
  expect(ben.received).toEqual(['before', 'the password is 1234']);
  expect(cleo.received).toEqual(['for cleo']);
  expect(mallory.received).toEqual([]);
});

test('--to takes no numbers of a list: digits are a user id', async () => {
  const [dan, one] = [await stage.person('dan'), await stage.person('1')];
  const other = await stage.person('eve');
  await other.client.send({ to: dan.id }, text('hello'));
  expect(await stage.pipe('dan', 'for user 1\n', '--to', '1')).toMatchObject({ code: 0 });
  await until(() => one.received.length === 1);
  expect(one.received).toEqual(['for user 1']);
  expect(other.received).toEqual([]);
});

test('a number is of the list as it was printed last', async () => {
  const [fay, gus, hal] = [await stage.person('fay'), await stage.person('gus'), await stage.person('hal')];
  await gus.client.send({ to: fay.id }, text('hello from gus'));
  const terminal = stage.terminal('fay');
  await terminal.shows('  1  gus');
  await hal.client.send({ to: fay.id }, text('hello from hal'));
  await terminal.shows('hello from hal');
  terminal.type('/open 1\r');
  await terminal.shows('gus> ');
  terminal.type('for gus alone\r');
  await until(() => gus.received.length === 1);
  terminal.type('/open 2\r');
  await terminal.shows('2 is no number of the list that was printed last: /list shows yours, /new 2');
  expect(hal.received).toEqual([]);
});

test('a title that several conversations have is refused, with their ids', async () => {
  const [ivy, jon] = [await stage.person('ivy'), await stage.person('jon')];
  const first = await ivy.client.createGroup({ title: 'Night shift', members: [jon.id] });
  expect(await stage.pipe('ivy', 'to the group\n', '--to', 'Night shift')).toMatchObject({ code: 0 });
  const second = await jon.client.createGroup({ title: 'Night shift', members: [ivy.id] });
  const refused = await stage.pipe('ivy', 'to which?\n', '--to', 'Night shift');
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain('2 conversations are called Night shift');
  expect(refused.stderr).toContain(first.conversationId);
  expect(refused.stderr).toContain(second.conversationId);
  expect(await stage.pipe('ivy', 'by its id\n', '--to', first.conversationId)).toMatchObject({ code: 0 });
  await until(() => jon.received.length === 2);
  expect(jon.received).toEqual(['to the group', 'by its id']);
});

test('what cannot be opened leaves nothing open: the next line goes to nobody', async () => {
  const [kay, lou] = [await stage.person('kay'), await stage.person('lou')];
  await kay.client.send({ to: lou.id }, text('hello'));
  const terminal = stage.terminal('kay');
  await terminal.shows('  1  lou');
  terminal.type('/open lou\r');
  await terminal.shows('lou> ');
  terminal.type('/open lu\rfor somebody else\r');
  await terminal.shows('no conversation or user is called lu');
  await terminal.shows('open a conversation first');
  terminal.type('/open lou\rfor lou\r');
  await until(() => lou.received.length === 2);
  expect(lou.received).toEqual(['hello', 'for lou']);
});
