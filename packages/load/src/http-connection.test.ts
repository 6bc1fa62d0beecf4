// A connection that the server has closed, or that was closed here, answers nothing more: who posts on it is told.

import { expect, test } from 'bun:test';
import { HttpConnection } from './http-connection.ts';

const messageOf = (posted: Promise<unknown>) =>
  posted.then(
    () => 'answered',
    (error: unknown) => String(error),
  );

/** Answers the first request of each connection, and nothing more. */
function serveOnce() {
  const closed = Promise.withResolvers<void>();
  const server = Bun.listen({
    ...{ hostname: '127.0.0.1', port: 0 },
    socket: {
      data(socket) {
        socket.end('HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok');
      },
      close: () => closed.resolve(),
    },
  });
  return { url: `http://127.0.0.1:${server.port}`, closed: closed.promise, stop: () => server.stop(true) };
}

test('a post on a connection that the server closed rejects', async () => {
  const { url, closed, stop } = serveOnce();
  const connection = await HttpConnection.open(url);
  expect(await connection.post('/', '', '')).toEqual({ status: 202, body: 'ok' });
  await closed;
  // The first may be written before the end is seen here; the second is not.
  for (let count = 0; count < 2; count++)
    expect(await messageOf(connection.post('/', '', ''))).toContain('the server closed the connection');
  stop();
});

test('a post rejects that is under way, or begins, when the connection was closed here', async () => {
  const { url, stop } = serveOnce();
  const connection = await HttpConnection.open(url);
  const underWay = messageOf(connection.post('/', '', ''));
  connection.close();
  expect(await underWay).toContain('closed');
  expect(await messageOf(connection.post('/', '', ''))).toContain('closed');
  stop();
});
