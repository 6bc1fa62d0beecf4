// A host in front of the server, as a reverse proxy is: serves it below a path, and answers with pages of its own when told to.

export interface Front {
  readonly url: string;
  /** Every request gets this page from now on. */
  answerAll(page: string): void;
  stop(): void;
}

interface Line {
  readonly early: string[];
  back?: WebSocket;
}

export function openFront(serverUrl: string, path: string): Front {
  let foreignPage: string | undefined;
  const server = Bun.serve<Line, never>({
    hostname: '127.0.0.1',
    port: 0,
    fetch(request, own) {
      if (foreignPage !== undefined) return new Response(foreignPage, { headers: { 'content-type': 'text/html' } });
      const { pathname, search } = new URL(request.url);
      if (!pathname.startsWith(`${path}/`)) return new Response('another application', { status: 404 });
      if (request.headers.get('upgrade')) {
        return own.upgrade(request, { data: { early: [] } }) ? undefined : new Response('', { status: 400 });
      }
      const { method, headers, body } = request;
      // As it came: a body that is unpacked here would no longer be what its headers say.
      return fetch(serverUrl + pathname.slice(path.length) + search, { method, headers, body, decompress: false });
    },
    websocket: {
      open(client) {
        const back = new WebSocket(`${serverUrl.replace('http', 'ws')}/v1/ws`);
        client.data.back = back;
        back.onopen = () => {
          for (const text of client.data.early.splice(0)) back.send(text);
        };
        back.onmessage = (event) => void client.send(String(event.data));
        back.onclose = () => client.close();
      },
      message({ data }, text) {
        if (data.back?.readyState === WebSocket.OPEN) data.back.send(String(text));
        else data.early.push(String(text));
      },
      close: ({ data }) => data.back?.close(),
    },
  });
  return {
    url: `http://127.0.0.1:${server.port}`,
    answerAll(page) {
      foreignPage = page;
    },
    stop: () => void server.stop(true),
  };
}
