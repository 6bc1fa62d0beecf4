// One message's way as spans, received by a collector that speaks OTLP over HTTP.

import { afterAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { createClient, signup, type UserId } from '@hongyan/client';
import { until } from '@hongyan/testing/until';
import { operatorOf } from '../operator.ts';
import { killServers, removeDataFolders } from '../server-process.ts';
import { profiles } from './profiles.ts';

setDefaultTimeout(90_000);

interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly process: string;
}

class Collector {
  readonly spans: Span[] = [];
  /** All that came, as it came. */
  text = '';
  readonly #server = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: (request) => this.#receive(request) });

  get url(): string {
    return `http://127.0.0.1:${this.#server.port}/v1/traces`;
  }

  /** The spans of one trace, each as the names from the first one down to it. */
  paths(traceId: string): readonly string[] {
    const spans = this.spans.filter((span) => span.traceId === traceId);
    const byId = new Map(spans.map((span) => [span.spanId, span]));
    const pathOf = (span: Span): string => {
      const parent = byId.get(span.parentSpanId ?? '');
      return parent ? `${pathOf(parent)} > ${span.name}` : span.name;
    };
    return spans.map(pathOf).sort();
  }

  async stop(): Promise<void> {
    await this.#server.stop(true);
  }

  async #receive(request: Request): Promise<Response> {
    const text = await request.text();
    this.text += text;
    const { resourceSpans } = JSON.parse(text) as OtlpBody;
    for (const { resource, scopeSpans } of resourceSpans) {
      const process = resource.attributes.find(({ key }) => key === 'service.instance.id')?.value.stringValue ?? '';
      for (const { spans } of scopeSpans) this.spans.push(...spans.map((span) => ({ ...span, process })));
    }
    return Response.json({});
  }
}

interface OtlpBody {
  readonly resourceSpans: readonly {
    readonly resource: {
      readonly attributes: readonly { readonly key: string; readonly value: { readonly stringValue?: string } }[];
    };
    readonly scopeSpans: readonly { readonly spans: readonly Omit<Span, 'process'>[] }[];
  }[];
}

const collectors: Collector[] = [];
afterAll(async () => {
  await Promise.all(collectors.map((collector) => collector.stop()));
  await killServers();
  await removeDataFolders();
});

const account = (url: string, userId: string) => ({ url, userId: userId as UserId, password: 'correct horse' });
const text = 'a text that no span may have';
const tree = [
  'send',
  'send > command log',
  'send > command log > commit',
  'send > command log > commit > transaction',
  'send > command log > publish',
];

for (const profile of profiles) {
  describe(profile.name, () => {
    async function start(oneIn: string) {
      const collector = new Collector();
      collectors.push(collector);
      const server = await profile.start({ HONGYAN_TRACE_URL: collector.url, HONGYAN_TRACE_ONE_IN: oneIn });
      await operatorOf(server.dataDir);
      return { collector, server };
    }

    test('[O16] one message is a tree of spans, from the request to each delivery, without its text', async () => {
      const { collector, server } = await start('1');
      const { access_token } = await signup(account(server.url, 'ann'));
      const ben = await signup(account(server.url, 'ben'));
      const client = createClient({ url: server.url, token: () => ben.access_token });
      await client.connect();
      const [traceId, parentId] = ['4bf92f3577b34da6a3ce929d0e0e4736', '00f067aa0ba902b7'];
      const sent = await fetch(`${server.url}/v1/messages`, {
        method: 'POST',
        headers: { authorization: `Bearer ${access_token}`, traceparent: `00-${traceId}-${parentId}-00` },
        body: JSON.stringify({ to: 'ben', client_msg_id: 'm1', content: { type: 'text', text } }),
      });
      expect(sent.status).toBe(201);
      const wanted = [...tree, 'send > command log > publish > deliver'];
      await until(() => wanted.every((path) => collector.paths(traceId).includes(path)), { withinMs: 30_000 });
      const first = collector.spans.find((span) => span.traceId === traceId && span.name === 'send');
      expect(first?.parentSpanId).toBe(parentId);
      const processes = new Set(collector.spans.filter((span) => span.traceId === traceId).map((span) => span.process));
      expect([...processes].some((name) => /(^|-)core(-|$)/.test(name))).toBe(true);
      expect(processes.size).toBeGreaterThan(profile.name === 'embedded' ? 0 : 1);

      await client.send({ to: 'ann' as UserId }, { type: 'text', text });
      const traces = () => new Set(collector.spans.filter(({ name }) => name === 'send').map((span) => span.traceId));
      await until(
        () => [...traces()].some((id) => id !== traceId && tree.every((path) => collector.paths(id).includes(path))),
        {
          withinMs: 30_000,
        },
      );
      await client.close();
      await server.stop();
      expect(collector.text).not.toContain(text);
    });

    test('[O16] the server alone decides what is traced, whatever a client says', async () => {
      const { collector, server } = await start('1000000');
      for (let request = 0; request < 20; request++)
        await fetch(`${server.url}/v1/me`, {
          headers: { traceparent: `00-ffffffffffffffff${String(request).padStart(16, 'e')}-00f067aa0ba902b7-01` },
        });
      await server.stop();
      expect(collector.spans).toEqual([]);
    });
  });
}
