// The process itself: what it runs, where it listens, where it stores, how it stops.

import { mebibyte, number, text } from '../option.ts';

export const serverOptions = [
  text(
    'profile',
    'embedded',
    'name',
    'Where the state is stored. embedded: in the data folder of one server; cluster: in MySQL, Kafka and Redis, shared by any number of processes',
    ['embedded', 'cluster'],
  ),
  text('listen', '127.0.0.1:8080', 'host:port', 'Address for clients; port 0 takes any free port'),
  text('public-url', '', 'url', 'URL that GET /v1/route returns to clients; empty = derived from listen'),
  text('tls-cert', '', 'file', 'PEM certificate chain; with tls-key the server speaks https and wss'),
  text('tls-key', '', 'file', 'PEM private key of tls-cert'),
  text('data', './data', 'folder', 'Folder for everything durable'),
  number(
    'store-bytes-max',
    0,
    'bytes',
    [0, Number.MAX_SAFE_INTEGER],
    'Upper limit of each store file; at the limit, sends are refused as unavailable. 0 = no limit',
  ),
  text('web-root', '', 'folder', 'Folder of the web client; empty = the built-in one'),
  number(
    'gateways',
    1,
    'processes',
    [1, 64],
    'Gateway processes that share the port, in front of one core; 1 = everything in one process',
  ),
  number(
    'drain-seconds',
    5,
    's',
    [0, 600],
    'A stopping server spreads the reconnects of its clients over this time; requests in flight have as long to finish',
  ),
  number(
    'drain-delay-seconds',
    0,
    's',
    [0, 600],
    'Before it drains, a stopping server continues to serve for this long while /readyz fails, so that load balancers stop sending traffic',
  ),
  number(
    'page-max',
    200,
    'entries',
    [1, 500],
    'Upper limit of entries per page; larger limits in requests are reduced to it',
  ),
  number(
    'frame-bytes-max',
    65_536,
    'bytes',
    [1024, 16 * mebibyte],
    'Larger frames and request bodies are refused as too_large',
  ),
] as const;
