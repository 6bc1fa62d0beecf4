import { expect, test } from 'bun:test';
import { Emitter } from './emitter.ts';

interface Events {
  ring: number;
}
const create = () => new Emitter<Events>({ ring: true });

test('a name that is no event is refused, with the names there are', () => {
  const events = create();
  for (const name of ['rings', 'toString', '__proto__'])
    expect(() => events.on(name as 'ring', () => {})).toThrow('the events are ring');
});

test('a listener given twice is called twice, and each return value removes one call', () => {
  const events = create();
  const received: number[] = [];
  const listener = (value: number) => received.push(value);
  const stop = events.on('ring', listener);
  events.on('ring', listener);
  events.emit('ring', 1);
  stop();
  events.emit('ring', 2);
  expect(received).toEqual([1, 1, 2]);
});

test('a listener that is added during an event hears the next one, and one that is removed hears no more', () => {
  const events = create();
  const received: string[] = [];
  let stop = events.on('ring', function again(value) {
    received.push(`again ${value}`);
    stop();
    if (received.length < 9) stop = events.on('ring', again);
    stopOther();
  });
  const stopOther = events.on('ring', (value) => received.push(`other ${value}`));
  events.emit('ring', 1);
  stopOther();
  events.emit('ring', 2);
  expect(received).toEqual(['again 1', 'again 2']);
});
