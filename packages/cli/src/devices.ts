// hongyan devices list and count: the registered devices of a data folder, or of a cluster.

import { openCommandStores } from '@hongyan/server/compose/commands/open-stores';
import { deviceView } from '@hongyan/server/ports/devices/device-view';
import type { DevicePage, DeviceReader, RegisteredDevice } from '@hongyan/server/ports/devices/devices';
import { printable } from '@hongyan/terminal/printable';
import type { Command, CommandInput } from './command.ts';
import { printLine } from './print-line.ts';
import { readOptions } from './store-options.ts';
import { table, timeOf } from './text.ts';
import { wholeNumber } from './whole-number.ts';

/** Read and printed at once: a folder may have more devices than memory. */
const pageSize = 500;
const countsMax = 10_000;
const json = { json: 'Print a JSON object for each, a line each' };
const model = { placeholder: 'model', description: 'Only devices of this model' };

export const devicesList: Command = {
  name: 'devices list',
  usage: 'devices list',
  summary: 'List the registered devices, oldest first',
  values: {
    model,
    firmware: { placeholder: 'version', description: 'Only devices with this firmware' },
    limit: { placeholder: 'devices', description: 'Number of devices to list. Default: 100; 0 = all' },
  },
  switches: json,
  options: readOptions,
  async run({ config, switches, values }) {
    let left = wholeNumber(values, 'limit', { standard: 100, min: 0, max: 999_999_999 }) || Number.POSITIVE_INFINITY;
    const lineOf = switches.has('json') ? jsonLine : textLine;
    const stores = await openCommandStores(config);
    await stores.withDeviceReader(async (devices) => {
      for await (const { devices: found } of pagesOf(devices, kindOf(values))) {
        const shown = found.slice(0, left);
        if (shown.length > 0) printLine(shown.map(lineOf).join('\n'));
        left -= shown.length;
        if (left === 0) return;
      }
    });
    return 0;
  },
};

export const devicesCount: Command = {
  name: 'devices count',
  usage: 'devices count',
  summary: 'Count the registered devices by model and firmware, most first',
  values: { model },
  switches: json,
  options: readOptions,
  async run({ config, switches, values }) {
    const stores = await openCommandStores(config);
    await stores.withDeviceReader(async (devices) => {
      const chosen = values.get('model');
      const counts = await devices.counts({ limit: countsMax, ...(chosen === undefined ? {} : { model: chosen }) });
      if (switches.has('json')) {
        for (const count of counts) printLine(JSON.stringify(count));
        return;
      }
      const rows = counts.map((each) => [printable(each.model), printable(each.firmware), each.count]);
      printLine(table(['model', 'firmware', 'devices'], rows));
      printLine(`${await devices.total()} devices in all`);
    });
    return 0;
  },
};

type Values = CommandInput['values'];

async function* pagesOf(devices: DeviceReader, kind: ReturnType<typeof kindOf>): AsyncGenerator<DevicePage> {
  for (let after = 0; ; ) {
    const page = await devices.list({ limit: pageSize, after, ...kind });
    yield page;
    if (page.next === undefined) return;
    after = page.next;
  }
}

function kindOf(values: Values): { readonly model?: string; readonly firmware?: string } {
  const [chosen, firmware] = [values.get('model'), values.get('firmware')];
  return { ...(chosen === undefined ? {} : { model: chosen }), ...(firmware === undefined ? {} : { firmware }) };
}

const jsonLine = (device: RegisteredDevice): string => JSON.stringify(deviceView(device));

const textLine = ({ deviceToken, model: of, firmware, registeredAtMs, userId }: RegisteredDevice): string =>
  [deviceToken, timeOf(registeredAtMs), printable(of), printable(firmware), userId ?? '-'].join('  ');
