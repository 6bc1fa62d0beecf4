// The client library as built keeps the promises of its source: a bundler that is told too much leaves out what it takes for useless.

import { afterAll, expect, test } from 'bun:test';
import { join } from 'node:path';
import { buildClient } from '../../tools/build-client.ts';
import { dataFolder, removeDataFolders } from '../server-process.ts';

const root = join(import.meta.dir, '../..');
const testMsMax = 120_000;

afterAll(() => removeDataFolders());

/** Whoever imports the client gets the built one. */
const preload = (built: string) => `
import { plugin } from 'bun';
plugin({
  name: 'built client',
  setup(build) {
    const contents = Bun.file(${JSON.stringify(built)}).text();
    build.onLoad({ filter: /packages\\/client\\/src\\/client\\.ts$/ }, async () => ({ contents: await contents, loader: 'js' }));
  },
});
`;

test(
  'the built library passes the tests of the client',
  async () => {
    const folder = await dataFolder('built-client');
    await buildClient(folder);
    const preloaded = join(folder, 'preload.ts');
    await Bun.write(preloaded, preload(join(folder, 'hongyan-client.js')));
    const run = Bun.spawn(
      [process.execPath, 'test', '--timeout', '30000', '--preload', preloaded, 'packages/client/src'],
      { cwd: root, stdout: 'ignore', stderr: 'pipe', timeout: testMsMax },
    );
    const [output, code] = await Promise.all([new Response(run.stderr).text(), run.exited]);
    expect({ code, failed: output.match(/^\(fail\).*/gm) ?? [] }).toEqual({ code: 0, failed: [] });
  },
  testMsMax,
);
