// The profilers' output is read from samples of it: a change of their format shows here and not as an empty table.

import { expect, test } from 'bun:test';
import { selfTimes } from './cpu-profile.ts';
import { callsOfPerf, callsOfStrace, cpuParts } from './perf.ts';

test('self times count only the span, leave idling out and add up to one', () => {
  const frame = (functionName: string, lineNumber: number) => ({ functionName, url: 'file:///src/a.ts', lineNumber });
  const profile = {
    nodes: [
      { id: 1, callFrame: frame('(idle)', -1) },
      { id: 2, callFrame: frame('send', 9) },
      { id: 3, callFrame: frame('', 19) },
    ],
    startTime: 1_000_000,
    samples: [2, 2, 1, 3, 2],
    timeDeltas: [1_000, 1_000, 1_000, 3_000, 1_000],
  };
  const times = selfTimes(JSON.stringify(profile), { fromMs: 1_001.5, toMs: 1_006.5 }, '/src/');
  expect(times).toEqual([
    { functionName: '(anonymous)', place: 'a.ts:20', share: 0.75 },
    { functionName: 'send', place: 'a.ts:10', share: 0.25 },
  ]);
});

test('samples of perf are attributed to threads and to the system call they are in', () => {
  const script = [
    'bun    70 \n\tffffffff8 tcp_sendmsg ([kernel.kallsyms])\n\tffffffff9 __x64_sys_sendto ([kernel.kallsyms])\n',
    'timeline    72 \n\t7f00 [unknown] (/usr/bin/bun)\n',
    'HeapHelper    73 \n\tffffffff8 asm_exc_page_fault ([kernel.kallsyms])\n',
    'bun    70 \n\tffffffff8 tcp_sendmsg ([kernel.kallsyms])\n\tffffffff9 __x64_sys_sendto ([kernel.kallsyms])\n',
  ].join('\n');
  expect(cpuParts(script, 70)).toEqual([
    { thread: 'main', where: 'sendto', share: 0.5 },
    { thread: 'timeline writer', where: 'user', share: 0.25 },
    { thread: 'rest', where: '(page fault)', share: 0.25 },
  ]);
});

test('system calls are read from perf trace and from strace', () => {
  const perf = `
 bun (70), 335 events, 49.6%

   syscall            calls  errors  total       min       avg       max       stddev
   --------------- --------  ------ -------- --------- --------- ---------     ------
   epoll_pwait2         134      0   655.778     0.011     4.894    80.865     12.30%

 timeline (72), 198 events, 29.3%

   futex                  7      1     1.099     0.010     0.044     0.418     38.52%
`;
  expect(callsOfPerf(perf, 70)).toEqual([
    { thread: 'main', name: 'epoll_pwait2', calls: 134 },
    { thread: 'timeline writer', name: 'futex', calls: 7 },
  ]);
  const strace = ` 56.81    0.195365          54      3558      1392 futex
  1.89    0.006497           4      1604           rt_sigprocmask
------ ----------- ----------- --------- --------- ----------------
100.00    0.343904          41      5162      1392 total
`;
  expect(callsOfStrace(strace)).toEqual([
    { thread: 'all', name: 'futex', calls: 3558 },
    { thread: 'all', name: 'rt_sigprocmask', calls: 1604 },
  ]);
});
