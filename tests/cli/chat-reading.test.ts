// What hongyan chat shows of a conversation, and what it reports as read: only what stood on the screen.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { until } from '@hongyan/testing/until';
import { ChatStage, type Person, text } from './chat-stage.ts';

/** Each test starts processes, on a machine that others may use too. */
setDefaultTimeout(60_000);

let stage: ChatStage;

beforeAll(async () => {
  stage = await ChatStage.start();
});

afterAll(() => stage.stop());

/** As the other of their conversation sees it. */
async function readSeq(reader: Person, other: Person): Promise<number> {
  const view = await other.client.createDirect(reader.id);
  const members = await other.client.members(view.conversationId);
  return members.find(({ userId }) => userId === reader.id)?.readSeq ?? 0;
}

async function write(from: Person, to: Person, count: number): Promise<void> {
  const sent = Array.from({ length: count }, (_, index) => from.client.send({ to: to.id }, text(`m${index + 1}.`)));
  await Promise.all(sent);
}

test('[E3] opening shows all that is unread, where that is not too much, and reports it as read', async () => {
  const [ann, ben] = [await stage.person('ann'), await stage.person('ben')];
  await write(ben, ann, 60);
  const terminal = stage.terminal('ann', '--to', 'ben');
  await terminal.shows('ben: m1.');
  await terminal.shows('ben: m60.');
  await until(async () => (await readSeq(ann, ben)) === 60);
});

test('[E3] what is too much to be shown is not read before it was shown', async () => {
  const [cat, dan] = [await stage.person('cat'), await stage.person('dan')];
  await write(dan, cat, 150);
  const terminal = stage.terminal('cat', '--to', 'dan');
  await terminal.shows('there is more before this that you have not read');
  await terminal.shows('dan: m131.');
  await terminal.shows('dan: m150.');
  terminal.type('an answer\r');
  await terminal.shows('an answer  ✓');
  await dan.client.send({ to: cat.id }, text('another'));
  await terminal.shows('dan: another');
  terminal.type('/members\r');
  await terminal.shows('cat  member, delivered ');
  expect(await readSeq(cat, dan)).toBe(0);
  terminal.type('/history 100\r');
  await terminal.shows('dan: m130.');
  expect(await readSeq(cat, dan)).toBe(0);
  terminal.type('/history 100\r');
  await until(async () => (await readSeq(cat, dan)) === 152);
});

test('[E3] /read marks what was left out too', async () => {
  const [eve, fay] = [await stage.person('eve'), await stage.person('fay')];
  await write(fay, eve, 150);
  const terminal = stage.terminal('eve', '--to', 'fay');
  await terminal.shows('fay: m150.');
  terminal.type('/read\r');
  await until(async () => (await readSeq(eve, fay)) === 150);
});

test('[E3] a pipe reports nothing as read but by /read', async () => {
  const [gus, hal] = [await stage.person('gus'), await stage.person('hal')];
  await write(hal, gus, 3);
  expect(await stage.pipe('gus', 'backup done\n', '--to', 'hal')).toMatchObject({ code: 0 });
  expect(hal.received).toEqual(['backup done']);
  expect(await readSeq(gus, hal)).toBe(0);
  expect(await stage.pipe('gus', '/read\n', '--to', 'hal')).toMatchObject({ code: 0 });
  await until(async () => (await readSeq(gus, hal)) === 4);
});

test('after /history the last own message is still the newest', async () => {
  const [max, ned] = [await stage.person('max'), await stage.person('ned')];
  await max.client.send({ to: ned.id }, text('old words'));
  await write(ned, max, 25);
  const { conversationId, lastSeq } = await max.client.createDirect(ned.id);
  max.client.markRead(conversationId, lastSeq);
  await until(async () => (await readSeq(max, ned)) === 26);
  const terminal = stage.terminal('max', '--to', 'ned');
  await terminal.shows('ned: m25.');
  terminal.type('newest words\r');
  await terminal.shows('newest words  ✓✓ delivered');
  terminal.type('/history\r');
  await terminal.shows('max: old words');
  terminal.type('/where\r');
  await terminal.shows('"newest words" is durable as seq 27');
  ned.client.markRead(conversationId, 27 as typeof lastSeq);
  await terminal.shows('read up to "newest words"');
});

test('an edit and a recall are told as they come, and what was recalled or given as a role has words', async () => {
  const [ivy, jon] = [await stage.person('ivy'), await stage.person('jon')];
  const { conversationId } = await jon.client.createGroup({ title: 'Team', members: [ivy.id] });
  const send = async (words: string) =>
    (await jon.client.send({ conversationId }, text(words))).seq ?? expect.unreachable();
  const [edited, recalled] = [await send('the code is 1111'), await send('not for here')];
  const terminal = stage.terminal('ivy', '--to', 'Team');
  await terminal.shows('jon: not for here');
  await jon.client.edit(conversationId, edited, text('the code is 2222'));
  await terminal.shows('* jon changed the message of ');
  await terminal.shows(': the code is 2222');
  await jon.client.recall(conversationId, recalled);
  await terminal.shows('* jon recalled the message of ');
  await jon.client.setRole(conversationId, ivy.id, 'admin');
  await terminal.shows('jon: (ivy is now admin)');
  const { stdout } = await stage.pipe('ivy', '', '--to', 'Team');
  expect(stdout).toContain('jon: (recalled)\n');
  expect(stdout).toContain('jon: the code is 2222\n');
});

test('a change of an own message, made elsewhere, stays in the line when its mark changes', async () => {
  const [kim, lou] = [await stage.person('kim'), await stage.person('lou')];
  const terminal = stage.terminal('kim', '--to', 'lou');
  await terminal.shows('lou> ');
  terminal.type('my frist words\r');
  await terminal.shows('✓ delivered');
  await until(() => lou.received.length === 1);
  const { conversationId } = await lou.client.createDirect(kim.id);
  await kim.client.edit(
    conversationId,
    lou.client.conversation(conversationId)?.lastSeq ?? expect.unreachable(),
    text('my first words'),
  );
  await terminal.shows('* kim changed the message of ');
  lou.client.markRead(conversationId, lou.client.conversation(conversationId)?.lastSeq ?? expect.unreachable());
  await terminal.shows('✓✓ read up to "my first words"');
});

test('a long title leaves room for what is typed, and a command is shown without what would steer the terminal', async () => {
  const [oda, pia] = [await stage.person('oda'), await stage.person('pia')];
  await pia.client.createGroup({ title: 'A title of many words '.repeat(5).trim(), members: [oda.id] });
  const terminal = stage.terminal('oda');
  await terminal.shows('  1  A title');
  terminal.type('/open 1\r');
  await terminal.shows('A title of many words A title of many w…> ');
  terminal.type('/open \u202eaip\r');
  await terminal.shows('> /open \\u202eaip');
});
