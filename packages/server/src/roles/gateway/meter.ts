// The counters of a gateway: plain numbers and histograms, updated on every frame and read when metrics are collected.

import { type CloseReason, closeCode, type ErrorCode } from '@hongyan/protocol/codes';
import type { OperationName } from '@hongyan/protocol/operations/operations';
import { upSchemas } from '@hongyan/protocol/up';
import { CountBy } from '../../metrics/count-by.ts';
import { gapsHelp } from '../../metrics/gaps.ts';
import { Histogram, latencyBoundsS } from '../../metrics/histogram.ts';
import type { Labels, Metrics, Sample } from '../../metrics/metrics.ts';
import type { Outcome } from './request-context.ts';
import { PushedFrames } from './socket/pushed-frames.ts';
import { SendTrace } from './socket/send-trace.ts';

/** Values that are read from the gateway instead of counted. */
export interface GatewayState {
  readonly connectionCount: number;
  readonly runningCount: number;
  readonly awaitingHelloCount: number;
  readonly userCount: number;
  readonly topicCount: number;
  /** An upper estimate, measured when it reaches its bound. */
  readonly unreadBytes: number;
}

export interface GatewayBounds {
  readonly connectionsMax: number;
  readonly awaitingHelloMax: number;
  readonly totalBacklogBytesMax: number;
}

interface OperationCounts {
  readonly byResult: CountBy<Outcome>;
  readonly seconds: Histogram;
}

export class GatewayMeter {
  readonly closes = new Map<CloseReason | 'client', number>();
  /** Results of hellos, and of refused upgrades. */
  readonly handshakes = new CountBy<'welcome' | ErrorCode>('result', ['welcome']);
  readonly framesIn = new CountBy<string>('type', [...Object.keys(upSchemas), 'invalid']);
  /** Answers of the gateway. */
  readonly answersOut = new CountBy<string>('type', ['ack', 'error']);
  /** Frames that the core pushed, counted once for each connection that receives them. */
  readonly pushedOut = new PushedFrames();
  readonly sends = new SendTrace();
  /** WebSocket messages, which may contain several frames; a publish to several sockets counts once. */
  messagesOut = 0;
  charactersOut = 0;
  /** Possible losses of events of the bus, after which connections had to catch up. */
  busLosses = 0;
  readonly #operations = new Map<OperationName, OperationCounts>();

  /** Called by the pipeline for each answered request. */
  readonly measure = (name: OperationName, outcome: Outcome, durationMs: number): void => {
    let counts = this.#operations.get(name);
    if (counts === undefined) {
      counts = { byResult: new CountBy('result', ['ok']), seconds: new Histogram(latencyBoundsS) };
      this.#operations.set(name, counts);
    }
    counts.byResult.add(outcome);
    counts.seconds.observe(durationMs / 1000);
  };

  /** Time from a send to its ack; undefined before the first one. */
  get ackSeconds(): Histogram | undefined {
    return this.#operations.get('send')?.seconds;
  }

  closed(reason: CloseReason | undefined): void {
    const key = reason ?? 'client';
    this.closes.set(key, (this.closes.get(key) ?? 0) + 1);
  }

  register(metrics: Metrics, state: GatewayState, bounds: GatewayBounds): void {
    this.#registerConnections(metrics, state, bounds);
    this.#registerTraffic(metrics);
    metrics.counter({
      name: 'hongyan_operations_total',
      help: 'Requests answered, by operation and by result: ok or the error code',
      read: () => this.#results(),
    });
    metrics.histogram({
      name: 'hongyan_operation_seconds',
      help: 'From a request to its answer, by operation; of send: to its acknowledgement, which is durable',
      read: () => Array.from(this.#operations, ([operation, { seconds }]) => [{ operation }, seconds] as const),
    });
    metrics.histogram({
      name: 'hongyan_send_receive_seconds',
      help: 'Time from a send until its message is sent to its receivers; sampled',
      read: () => this.sends.seconds,
    });
  }

  #registerConnections(metrics: Metrics, state: GatewayState, bounds: GatewayBounds): void {
    const gauge = (name: string, help: string, read: () => number) => metrics.gauge({ name, help, read });
    gauge('hongyan_connections', 'Open WebSocket connections', () => state.connectionCount);
    gauge('hongyan_connections_max', 'Further connections are refused', () => bounds.connectionsMax);
    gauge('hongyan_operations_in_flight', 'Requests that are not answered yet', () => state.runningCount);
    gauge('hongyan_connected_users', 'Users with a connection to this process', () => state.userCount);
    gauge('hongyan_followed_topics', 'Conversations and presences that connections follow', () => state.topicCount);
    gauge('hongyan_unread_bytes', 'Bytes sent and not read by clients, an estimate', () => state.unreadBytes);
    gauge(
      'hongyan_unread_bytes_max',
      'Beyond it the connections with the most unread bytes are closed',
      () => bounds.totalBacklogBytesMax,
    );
    metrics.queue('hello', { depth: () => state.awaitingHelloCount, max: bounds.awaitingHelloMax });
    metrics.counter({
      name: 'hongyan_handshakes_total',
      help: 'Accepted connections (welcome), and refused ones by error code',
      read: () => this.handshakes.samples(),
    });
    metrics.counter({
      name: 'hongyan_closes_total',
      help: 'Closed connections by close code; client: closed by the client or the network',
      read: () =>
        Array.from(Object.keys(closeCode), (reason) => this.#closesOf(reason as CloseReason)).concat([
          [{ code: 'client', reason: 'client' }, this.closes.get('client') ?? 0],
        ]),
    });
  }

  #registerTraffic(metrics: Metrics): void {
    const counter = (name: string, help: string, read: () => number | Iterable<Sample>) =>
      metrics.counter({ name, help, read });
    counter('hongyan_frames_in_total', 'Frames of clients by type', () => this.framesIn.samples());
    counter('hongyan_frames_out_total', 'Frames to clients by type, once for each connection', () => [
      ...this.answersOut.samples(),
      ...this.pushedOut.samples(),
    ]);
    counter('hongyan_socket_messages_out_total', 'WebSocket messages sent', () => this.messagesOut);
    counter('hongyan_socket_characters_out_total', 'Characters in them', () => this.charactersOut);
    counter('hongyan_gaps_total', gapsHelp, () => [
      [{ reason: 'slow_consumer' }, this.closes.get('slow_consumer') ?? 0],
      [{ reason: 'bus' }, this.busLosses],
    ]);
  }

  #closesOf(reason: CloseReason): Sample {
    return [{ code: closeCode[reason], reason }, this.closes.get(reason) ?? 0];
  }

  *#results(): Generator<Sample> {
    for (const [operation, { byResult }] of this.#operations)
      for (const [labels, count] of byResult.samples()) yield [{ operation, ...labels } satisfies Labels, count];
  }
}
