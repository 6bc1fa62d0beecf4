import { expect, test } from 'bun:test';
import { LiveConfig } from './live-config.ts';
import { type Loaded, loadConfig } from './load.ts';

function load(text: string): Loaded {
  return loadConfig({ argv: ['--config', 'x.toml'], env: {}, readFile: () => text });
}

function start(text: string) {
  const started = load(text);
  if (started.type === 'error') throw new Error(started.message);
  let file = text;
  const live = new LiveConfig(started.config, () => load(file));
  return {
    live,
    reload(changed: string) {
      file = changed;
      return live.reload();
    },
  };
}

test('[B3] what can change at once is in force, the rest is named; the same again changes nothing', () => {
  const { live, reload } = start('page_max = 100\n');
  const text = 'page_max = 50\nsignup_enabled = false\nlog_level = "debug"\n';
  expect(reload(text)).toEqual({
    type: 'ok',
    value: { changed: ['signup-enabled', 'log-level'], needs_restart: ['page-max'] },
  });
  expect(live.config).toMatchObject({ signupEnabled: false, logLevel: 'debug', pageMax: 100 });
  expect(reload(text)).toEqual({ type: 'ok', value: { changed: [], needs_restart: ['page-max'] } });
  expect(reload('page_max = 100\n')).toMatchObject({
    value: { changed: ['signup-enabled', 'log-level'], needs_restart: [] },
  });
});

test('[B3] what an address may do changes at once', () => {
  const { live, reload } = start('');
  expect(reload('address_connections_max = 7\naddress_requests_per_second = 3\n')).toMatchObject({
    value: { changed: ['address-requests-per-second', 'address-connections-max'], needs_restart: [] },
  });
  expect(live.config).toMatchObject({ addressConnectionsMax: 7, addressRequestsPerSecond: 3 });
});

test('[B3] a configuration that cannot be read changes nothing and says why', () => {
  const { live, reload } = start('signup_enabled = false\n');
  expect(reload('signup_enabled = "perhaps"\n')).toMatchObject({
    type: 'refused',
    message: expect.stringContaining('configuration unchanged: x.toml: signup_enabled must be true or false'),
  });
  expect(live.config.signupEnabled).toBe(false);
});
